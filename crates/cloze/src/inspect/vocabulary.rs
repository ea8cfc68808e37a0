//! Measures how well a model's vocabulary covers the words of some texts, which shows whether the model knows
//! their language.

use cloze_encoder::Tokenizer;

use crate::dataset::Data;
use crate::task::Task;
use crate::{Model, Place, Warning};

/// Number of texts examined.
const SAMPLE: usize = 300;
/// With fewer words, the result is meaningless.
const FEWEST: usize = 20;
/// English texts of many kinds have at most a tenth of such words; other languages and specialised domains
/// have at least a third.
const DOUBTFUL: f64 = 0.25;

/// A warning if `model` seems not to know the language of the task's texts.
pub(crate) fn warning(task: &Task, data: &Data, model: &Model) -> Option<Warning> {
    let texts: Vec<&String> =
        [&data.train, &data.unlabeled, &data.test].into_iter().flatten().flat_map(|row| &row.texts).collect();
    let (problem, remedy) = Coverage::of(&texts, &model.checkpoint().tokenizer).doubt(model)?;
    Some(Warning { place: Place::file(task.file()), problem, remedy })
}

/// Why `model` may not suit the language or the field of these texts, and what to do; `None` if it knows most of their words.
pub fn doubt<T: AsRef<str>>(texts: &[T], model: &Model) -> Option<String> {
    Coverage::of(texts, &model.checkpoint().tokenizer).explained(model)
}

/// Counts of words in texts, by how a vocabulary tokenises them. A word is a run of letters; in scripts
/// without spaces, it is a single letter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Coverage {
    /// All words.
    pub words: usize,
    /// Words that consist of several tokens.
    pub cut: usize,
    /// Words that are not in the vocabulary, not even in pieces.
    pub unknown: usize,
    /// Words in a script other than Latin.
    pub other_script: usize,
}

impl Coverage {
    /// Counts the words of some of the `texts`, evenly spaced.
    pub(crate) fn of<T: AsRef<str>>(texts: &[T], tokenizer: &Tokenizer) -> Coverage {
        let mut coverage = Coverage::default();
        let unknown = tokenizer.special().unk;
        let step = texts.len().div_ceil(SAMPLE).max(1);
        for word in texts.iter().step_by(step).flat_map(|text| words(text.as_ref())) {
            let tokens = tokenizer.tokenize(&tokenizer.after_space(word));
            coverage.words += 1;
            coverage.other_script += usize::from(word.chars().any(|c| !is_latin(c)));
            if tokens.contains(&unknown) || tokens.is_empty() {
                coverage.unknown += 1;
            } else if tokens.len() > 1 {
                coverage.cut += 1;
            }
        }
        coverage
    }

    /// The share of words that are split or unknown.
    fn poor(&self) -> f64 {
        (self.cut + self.unknown) as f64 / self.words.max(1) as f64
    }

    /// Why `model` may not suit these texts, and what to do.
    pub(crate) fn doubt(&self, model: &Model) -> Option<(String, String)> {
        self.doubt_named(&model.name, model.is_english())
    }

    /// The same as one text.
    pub(crate) fn explained(&self, model: &Model) -> Option<String> {
        self.doubt(model).map(|(problem, remedy)| format!("{problem} ({remedy})"))
    }

    fn doubt_named(&self, model: &str, english: bool) -> Option<(String, String)> {
        let other_script = 2 * self.other_script > self.words;
        let doubtful = self.poor() > DOUBTFUL || (english && other_script);
        if self.words < FEWEST || !doubtful {
            return None;
        }
        let percent = |part: usize| (100.0 * part as f64 / self.words as f64).round();
        let mut problem = format!(
            "`{model}` knows only {} % of the words in the texts as whole words: it splits {} % into pieces and does not know {} %",
            percent(self.words - self.cut - self.unknown),
            percent(self.cut),
            percent(self.unknown)
        );
        if english {
            problem += ", and the model is English";
        }
        let remedy = "use a masked language model for the language or field of the texts with `--model`; for a hundred languages, there \
                      is `cloze fetch FacebookAI/xlm-roberta-base`";
        Some((problem, remedy.into()))
    }
}

/// The runs of letters in a text; in scripts without spaces, every letter.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let runs = text.split(|c: char| !c.is_alphabetic()).filter(|run| !run.is_empty());
    runs.flat_map(|run| {
        let mut rest = run;
        std::iter::from_fn(move || {
            let first = rest.chars().next()?;
            let end = match is_dense(first) {
                true => first.len_utf8(),
                false => rest.find(is_dense).unwrap_or(rest.len()),
            };
            let (word, after) = rest.split_at(end);
            rest = after;
            Some(word)
        })
    })
}

/// Whether a letter belongs to a script without spaces between words: Thai, Lao, Khmer, Burmese, Chinese,
/// Japanese.
fn is_dense(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{2e80}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

fn is_latin(c: char) -> bool {
    matches!(c, 'a'..='z' | 'A'..='Z' | '\u{aa}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}')
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn coverage(texts: &[&str]) -> Coverage {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/cloze-mini-en/tokenizer.json");
        Coverage::of(texts, &Tokenizer::from_bytes(&std::fs::read(path).unwrap()).unwrap())
    }

    #[test]
    fn words_are_runs_of_letters_or_letters_of_scripts_without_blanks() {
        let all: Vec<&str> = words("My car (a 4x4) wasn't—垃圾bin").collect();
        assert_eq!(all, ["My", "car", "a", "x", "wasn", "t", "垃", "圾", "bin"]);
    }

    #[test]
    fn english_text_is_no_reason_to_doubt_an_english_model_and_others_are() {
        let english = [
            "The bins in Bridge Street were not emptied two days ago and the van blocks the driveway",
            "Where can I renew my resident parking badge? I got a ticket on Monday although I had paid",
        ];
        assert_eq!(coverage(&english).doubt_named("m", true), None);
        for text in [
            "Die Mülltonne in der Brückenstraße wurde nicht geleert, und mein Auto wurde gestern abgeschleppt, warum nur? Antrag auf eine \
             Baugenehmigung für Gartenhäuschen",
            "Я не могу войти в систему со вчерашнего дня, счёт за май неправильный, пожалуйста помогите мне как можно скорее, спасибо \
             большое заранее",
            "垃圾桶满了没有人来收，我的车被拖走了，请问停车证在哪里办理",
            "昨日からログインできません。請求書が間違っています",
        ] {
            let (problem, remedy) = coverage(&[text]).doubt_named("cloze-mini-en", true).expect(text);
            assert!(
                problem.contains("`cloze-mini-en`") && problem.ends_with("the model is English"),
                "{problem}"
            );
            assert!(remedy.contains("--model"), "{remedy}");
        }
        assert_eq!(coverage(&["Müll und Sperrmüll"]).doubt_named("m", true), None, "three words say nothing");
    }
}
