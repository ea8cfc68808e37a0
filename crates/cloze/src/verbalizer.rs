//! Verbalizers: the tokens whose scores at the mask are the scores of a label.
//!
//! A label's score is the arithmetic mean of the raw logits of its words at the mask, as in the reference
//! implementation of PET. Every word is one token of the vocabulary; words of several tokens, which need several
//! masks, will find their place in [`Word`].

use crate::Result;
use crate::error::{TaskError, list};
use crate::pattern::{Part, Pattern};
use crate::task::{Label, Spacing, Task};
use cloze_encoder::Tokenizer;

/// A word of a label with the token that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// As the task file has it.
    pub text: String,
    /// Its token id.
    pub token: u32,
}

/// The words of all labels for one pattern. No token stands for two words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verbalizer {
    words: Vec<Vec<Word>>,
    columns: Vec<u32>,
}

/// Why a word cannot stand for a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordProblem {
    /// Index of the label.
    pub label: usize,
    /// Index of the word among the label's.
    pub word: usize,
    /// What is wrong with it.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl Verbalizer {
    /// The verbalizer of a task's pattern.
    ///
    /// # Errors
    /// Mistakes in the task file: words that are not one token of the vocabulary each, or the same one.
    pub fn new(task: &Task, pattern: usize, tokenizer: &Tokenizer) -> Result<Verbalizer> {
        let leading_space = leading_space(&task.patterns[pattern], task.spacing);
        Verbalizer::of_labels(&task.labels, tokenizer, leading_space).map_err(|problems| {
            let mistakes = problems
                .into_iter()
                .map(|found| task.mistake_in_word(found.label, found.word, found.problem, found.remedy))
                .collect();
            // `of_labels` fails with at least one problem.
            TaskError { mistakes }.into()
        })
    }

    /// The verbalizer of these labels where the mask has, or has not, a blank on its left.
    ///
    /// # Errors
    /// Every word that is not one token of its own, at least one.
    pub fn of_labels(
        labels: &[Label],
        tokenizer: &Tokenizer,
        leading_space: bool,
    ) -> std::result::Result<Verbalizer, Vec<WordProblem>> {
        let mut problems = Vec::new();
        let mut words: Vec<Vec<Word>> = Vec::with_capacity(labels.len());
        for (label, entry) in labels.iter().enumerate() {
            words.push(Vec::with_capacity(entry.words.len()));
            for (word, text) in entry.words.iter().enumerate() {
                let mut problem =
                    |problem, remedy| problems.push(WordProblem { label, word, problem, remedy });
                match token(text, tokenizer, leading_space) {
                    Err((what, remedy)) => problem(what, remedy),
                    Ok(token) => {
                        let same = words.iter().enumerate().find_map(|(other, words)| {
                            words.iter().find(|word| word.token == token).map(|word| (other, &word.text))
                        });
                        match same {
                            Some((other, twin)) if other == label => problem(
                                format!("`{twin}` and `{text}` are the same token of the vocabulary"),
                                "remove one of them".into(),
                            ),
                            Some((other, twin)) => problem(
                                format!(
                                    "`{text}` is the same token of the vocabulary as `{twin}` of the label `{}`",
                                    labels[other].name
                                ),
                                "give each label words of its own, else they cannot be told apart".into(),
                            ),
                            None => words[label].push(Word { text: text.clone(), token }),
                        }
                    }
                }
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let columns = words.iter().flatten().map(|word| word.token).collect();
        Ok(Verbalizer { words, columns })
    }

    /// The words of every label, in the order of the task file.
    pub fn words(&self) -> &[Vec<Word>] {
        &self.words
    }

    /// The number of labels.
    pub fn labels(&self) -> usize {
        self.words.len()
    }

    /// The tokens of all words, label by label: the columns of the vocabulary whose logits are needed.
    pub fn columns(&self) -> &[u32] {
        &self.columns
    }

    /// Label scores `[labels]` from the logits `[columns]` at a mask.
    pub fn scores(&self, logits: &[f32], scores: &mut [f32]) {
        let mut rest = logits;
        for (words, score) in self.words.iter().zip(scores) {
            let (own, others) = rest.split_at(words.len());
            *score = own.iter().sum::<f32>() / own.len() as f32;
            rest = others;
        }
    }

    /// The gradient `[columns]` by the logits from the gradient `[labels]` by the scores.
    pub fn backward(&self, dscores: &[f32], dlogits: &mut [f32]) {
        let mut rest = dlogits;
        for (words, dscore) in self.words.iter().zip(dscores) {
            let (own, others) = rest.split_at_mut(words.len());
            own.fill(dscore / words.len() as f32);
            rest = others;
        }
    }
}

/// Whether a word in the place of the mask begins with a blank, which is part of the token in some vocabularies.
pub fn leading_space(pattern: &Pattern, spacing: Spacing) -> bool {
    let before = pattern.parts().iter().take_while(|part| **part != Part::Mask).last();
    match (spacing, before) {
        (Spacing::Parts, _) => true,
        (Spacing::Text, Some(Part::Literal(text))) => text.ends_with(char::is_whitespace),
        (Spacing::Text, _) => false,
    }
}

/// The one token of a word, or what is wrong and what to do.
fn token(
    text: &str,
    tokenizer: &Tokenizer,
    leading_space: bool,
) -> std::result::Result<u32, (String, String)> {
    let tokens = match leading_space {
        true => tokenizer.tokenize(&tokenizer.after_blank(text)),
        false => tokenizer.tokenize(text),
    };
    let unknown = tokenizer.special().unk;
    match tokens.as_slice() {
        _ if tokens.contains(&unknown) => Err((
            format!("the vocabulary does not know `{text}`"),
            "choose a more common word, without unusual characters".into(),
        )),
        [] => Err((format!("`{text}` has no visible characters"), "write a word".into())),
        [token] => Ok(*token),
        several => {
            let pieces: Vec<String> = several.iter().filter_map(|&token| tokenizer.text(token)).collect();
            let pieces = list(pieces);
            Err((
                format!("`{text}` is {} tokens of the vocabulary: {pieces}", several.len()),
                "choose a word that is one token; words of several tokens come with a later version".into(),
            ))
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::Path;

    use super::*;
    use crate::Error;
    use crate::task::tests::{EXAMPLE, parse};

    pub(crate) fn tokenizer() -> Tokenizer {
        tokenizer_of("bert")
    }

    pub(crate) fn tokenizer_of(model: &str) -> Tokenizer {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/encoder");
        Tokenizer::open(&models.join(model)).unwrap()
    }

    fn labels(words: &[&[&str]]) -> Vec<Label> {
        let label = |words: &&[&str]| Label {
            name: words[0].to_uppercase(),
            words: words.iter().map(|word| word.to_string()).collect(),
        };
        words.iter().map(label).collect()
    }

    fn problems(words: &[&[&str]]) -> Vec<(usize, usize, String)> {
        let found = Verbalizer::of_labels(&labels(words), &tokenizer(), true).unwrap_err();
        found.into_iter().map(|found| (found.label, found.word, found.problem)).collect()
    }

    #[test]
    fn a_score_is_the_mean_over_the_words_of_a_label() {
        let tokenizer = tokenizer();
        let verbalizer =
            Verbalizer::of_labels(&labels(&[&["Yes", "true"], &["No"]]), &tokenizer, true).unwrap();
        let id = |word: &str| tokenizer.id(word).unwrap();
        assert_eq!(verbalizer.columns(), [id("yes"), id("true"), id("no")]);
        let mut scores = [0.0; 2];
        verbalizer.scores(&[1.0, 4.0, -1.0], &mut scores);
        assert_eq!(scores, [2.5, -1.0]);
        let mut gradient = [0.0; 3];
        verbalizer.backward(&[0.5, -0.5], &mut gradient);
        assert_eq!(gradient, [0.25, 0.25, -0.5]);
    }

    #[test]
    fn a_word_after_a_blank_is_another_token_where_the_vocabulary_tells_them_apart() {
        let word = |model: &str, leading_space| {
            let tokenizer = tokenizer_of(model);
            let found = Verbalizer::of_labels(&labels(&[&["The"], &["a"]]), &tokenizer, leading_space);
            found.map(|verbalizer| tokenizer.token(verbalizer.columns()[1]).unwrap()).unwrap()
        };
        assert_eq!((word("roberta", true), word("roberta", false)), ("Ġa".into(), "a".into()));
        assert_eq!((word("albert", true), word("albert", false)), ("▁a".into(), "▁a".into()));
        assert_eq!((word("bert", true), word("bert", false)), ("a".into(), "a".into()));
    }

    #[test]
    fn a_word_of_several_tokens_is_refused_with_its_pieces() {
        let found = problems(&[&["yes"], &["no", "nerve fibre"]]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].0, found[0].1), (1, 1));
        let pieces = "`ne`, `r`, `ve`, `fi`, `b`, `re`";
        assert_eq!(found[0].2, format!("`nerve fibre` is 6 tokens of the vocabulary: {pieces}"));
    }

    #[test]
    fn a_word_outside_the_vocabulary_is_refused() {
        assert_eq!(problems(&[&["yes"], &["日本"]]), [(1, 0, "the vocabulary does not know `日本`".into())]);
        assert_eq!(problems(&[&["yes"], &["\u{200b}"]]).len(), 1);
    }

    #[test]
    fn labels_that_share_a_token_are_refused() {
        let found = problems(&[&["yes", "No"], &["YES"], &["no"]]);
        assert_eq!(found[0].2, "`YES` is the same token of the vocabulary as `yes` of the label `YES`");
        assert_eq!((found[1].0, found[1].1), (2, 0));
        assert_eq!(
            problems(&[&["yes", "Yes"], &["no"]])[0].2,
            "`yes` and `Yes` are the same token of the vocabulary"
        );
    }

    #[test]
    fn the_task_file_is_pointed_at() {
        let error = Verbalizer::new(&parse(EXAMPLE), 0, &tokenizer()).unwrap_err();
        let Error::Task(error) = error else { panic!() };
        let first = &error.mistakes()[0];
        assert_eq!((&EXAMPLE[first.span()], first.place().line), ("\"bug\"", Some(12)));
    }

    #[test]
    fn a_word_takes_a_blank_where_the_text_before_the_mask_ends_in_one() {
        let case = |pattern: &str, spacing| leading_space(&pattern.parse().unwrap(), spacing);
        assert!(case("{a} is {mask}.", Spacing::Text));
        assert!(!case("{a} ({mask})", Spacing::Text));
        assert!(!case("{mask} {a}", Spacing::Text));
        assert!(!case("{a}{sep}{mask}", Spacing::Text));
        assert!(case("{a} ({mask})", Spacing::Parts));
    }
}
