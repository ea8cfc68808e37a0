//! Verbalizers: the words whose scores at the mask give the score of a label.
//!
//! If every word is a single token, a label's score is the arithmetic mean of the raw logits of its words at
//! the mask, as in the reference implementation of PET. If some words have several tokens, or are taken from
//! columns and therefore differ between examples, all are scored as in `scoring::multi_token`. If one of two
//! labels has no words, see `scoring::free_text`.

use std::sync::Arc;

use crate::Result;
use crate::error::{TaskError, list};
use crate::pattern::{Part, Pattern, Template};
use crate::task::{Answers, Decoding, Hinge, Label, Spacing, Task};
use cloze_encoder::Tokenizer;

/// A word of a label and its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// As written in the task file.
    pub text: String,
    /// Its token ids; empty if it is taken from columns.
    pub tokens: Vec<u32>,
    /// How it is built from the columns of an example.
    template: Option<Template>,
}

/// The tokens of every label's words for one example: `[labels][words][tokens]`. A label without words is one
/// that the example cannot have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidates(pub Vec<Vec<Vec<u32>>>);

impl Candidates {
    /// The number of tokens of the longest word: the number of masks that training needs.
    pub(crate) fn longest(&self) -> usize {
        self.words().map(|(_, word)| word.len()).max().unwrap_or(1)
    }

    /// Every word with its label.
    pub(crate) fn words(&self) -> impl Iterator<Item = (usize, &Vec<u32>)> {
        self.0.iter().enumerate().flat_map(|(label, words)| words.iter().map(move |word| (label, word)))
    }
}

/// The words of all labels for one pattern. No two words have the same tokens.
#[derive(Debug, Clone)]
pub(crate) struct Verbalizer {
    words: Vec<Vec<Word>>,
    /// Whether a space before the mask belongs to the word.
    leading_space: bool,
    kind: Kind,
    /// The order in which several masks are filled.
    pub decoding: Decoding,
    /// How training compares words if there are several masks.
    pub hinge: Hinge,
}

/// A word in the task file with more tokens than this is probably a whole sentence, given by mistake.
const LONGEST: usize = 32;

/// The origin of the labels' words, which determines how they are scored.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// All words are single tokens: the columns of the vocabulary whose logits are needed.
    OneToken(Vec<u32>),
    /// Words that are the same for all examples.
    Fixed(Arc<Candidates>),
    /// The words of an example come from its columns.
    FromColumns,
    /// The words are the example's own choices, one for every label as far as they go.
    Choices,
    /// One label is a text that the model may write; the other label has no words.
    Free { label: usize, tokenizer: Tokenizer },
}

/// Why a word cannot represent a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WordProblem {
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
    /// Mistakes in the task file: words that are not in the vocabulary, or that have the same tokens.
    pub(crate) fn new(task: &Task, pattern: usize, tokenizer: &Tokenizer) -> Result<Verbalizer> {
        let leading_space = leading_space(&task.patterns[pattern], task.spacing);
        let options = &task.options;
        if let Answers::Choice(_) = task.answers {
            return Ok(Verbalizer {
                words: vec![Vec::new(); task.labels.len()],
                leading_space,
                kind: Kind::Choices,
                decoding: options.decoding,
                hinge: options.hinge,
            });
        }
        if task.described.is_some() && task.own_words[pattern].is_none() {
            let problem = "the labels have no words yet";
            let mistake = task.mistake_in_key("words", problem, "let `words::find` find some first");
            return Err(mistake.into());
        }
        let found = Verbalizer::of_labels(task.labels_of(pattern), tokenizer, leading_space);
        let found =
            found.map(|found| Verbalizer { decoding: options.decoding, hinge: options.hinge, ..found });
        found.map_err(|problems| {
            let mistakes = problems
                .into_iter()
                .map(|found| match task.own_words[pattern] {
                    Some(_) => task.mistake_in_pattern(pattern, found.problem, found.remedy),
                    None => task.mistake_in_word(found.label, found.word, found.problem, found.remedy),
                })
                .collect();
            // `of_labels` fails with at least one problem.
            TaskError { mistakes }.into()
        })
    }

    /// The verbalizer of these labels for a mask with or without a space to its left.
    ///
    /// # Errors
    /// All words that are not in the vocabulary or that have the same tokens as another, at least one.
    pub(crate) fn of_labels(
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
                let template = match text.parse::<Template>() {
                    Ok(template) => template,
                    Err(error) => {
                        problem(error.problem, error.remedy);
                        continue;
                    }
                };
                if template.fields().next().is_some() {
                    words[label].push(Word {
                        text: text.clone(),
                        tokens: Vec::new(),
                        template: Some(template),
                    });
                    continue;
                }
                match tokens(&template.fill(|_| ""), tokenizer, leading_space) {
                    Err((what, remedy)) => problem(what, remedy),
                    Ok(tokens) => {
                        let same = words.iter().enumerate().find_map(|(other, words)| {
                            words.iter().find(|word| word.tokens == tokens).map(|word| (other, &word.text))
                        });
                        let them = if tokens.len() == 1 { "token" } else { "tokens" };
                        match same {
                            Some((other, twin)) if other == label => problem(
                                format!("`{twin}` and `{text}` are the same {them} of the vocabulary"),
                                "remove one of them".into(),
                            ),
                            Some((other, twin)) => problem(
                                format!(
                                    "`{text}` is the same {them} of the vocabulary as `{twin}` of the label `{}`",
                                    labels[other].name
                                ),
                                "give each label words of its own, else they cannot be told apart".into(),
                            ),
                            None => words[label].push(Word { text: text.clone(), tokens, template: None }),
                        }
                    }
                }
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let all = || words.iter().flatten();
        let kind = if let Some(without) = words.iter().position(Vec::is_empty) {
            // The task file parser has checked that the other of two labels has a word.
            Kind::Free { label: 1 - without.min(1), tokenizer: tokenizer.clone() }
        } else if all().any(|word| word.template.is_some()) {
            Kind::FromColumns
        } else if all().all(|word| word.tokens.len() == 1) {
            Kind::OneToken(all().flat_map(|word| word.tokens.iter().copied()).collect())
        } else {
            let tokens = |words: &Vec<Word>| words.iter().map(|word| word.tokens.clone()).collect();
            Kind::Fixed(Arc::new(Candidates(words.iter().map(tokens).collect())))
        };
        let (decoding, hinge) = (Decoding::default(), Hinge::default());
        Ok(Verbalizer { words, leading_space, kind, decoding, hinge })
    }

    /// The words for an example whose column values are given by `value`, and which has these `choices` of
    /// its own; `None` if every word is a single token, which does not depend on the example. A word that is
    /// empty in this example, or not in the vocabulary, becomes the unknown token.
    pub(crate) fn candidates<'t>(
        &self,
        tokenizer: &Tokenizer,
        choices: &[String],
        value: impl Fn(&str) -> &'t str,
    ) -> Option<Arc<Candidates>> {
        let tokens = |text: &str| {
            let tokens = tokenize(text, tokenizer, self.leading_space);
            if tokens.is_empty() { vec![tokenizer.special().unk] } else { tokens }
        };
        let of_row = |word: &Word| match &word.template {
            None => word.tokens.clone(),
            Some(template) => tokens(&template.fill(&value)),
        };
        match &self.kind {
            Kind::OneToken(_) => None,
            Kind::Fixed(candidates) => Some(Arc::clone(candidates)),
            Kind::Choices => {
                let mut words: Vec<Vec<Vec<u32>>> = choices.iter().map(|text| vec![tokens(text)]).collect();
                words.resize(self.words.len(), Vec::new());
                Some(Arc::new(Candidates(words)))
            }
            Kind::FromColumns | Kind::Free { .. } => {
                let words = self.words.iter().map(|words| words.iter().map(of_row).collect());
                Some(Arc::new(Candidates(words.collect())))
            }
        }
    }

    /// The text that the model has to write for an example, if masks are filled freely.
    pub(crate) fn wanted<'t>(&self, value: impl Fn(&str) -> &'t str) -> Option<Arc<str>> {
        let Kind::Free { label, .. } = &self.kind else { return None };
        let word = self.words[*label].first()?;
        Some(word.template.as_ref().map_or(word.text.clone(), |template| template.fill(value)).into())
    }

    /// The origin of the words.
    pub(crate) fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Whether every word is a single token that is the same for all examples.
    pub(crate) fn is_one_token(&self) -> bool {
        matches!(self.kind, Kind::OneToken(_))
    }

    /// The words of every label, in the order of the task file.
    pub(crate) fn words(&self) -> &[Vec<Word>] {
        &self.words
    }

    /// The number of labels.
    pub(crate) fn labels(&self) -> usize {
        self.words.len()
    }

    /// The tokens of all words, label by label: the columns of the vocabulary whose logits are needed. Empty
    /// if words have several tokens.
    pub(crate) fn columns(&self) -> &[u32] {
        match &self.kind {
            Kind::OneToken(columns) => columns,
            _ => &[],
        }
    }

    /// Label scores `[labels]` from the logits `[columns]` at a mask.
    pub(crate) fn scores(&self, logits: &[f32], scores: &mut [f32]) {
        let mut rest = logits;
        for (words, score) in self.words.iter().zip(scores) {
            let (own, others) = rest.split_at(words.len());
            *score = own.iter().sum::<f32>() / own.len() as f32;
            rest = others;
        }
    }

    /// The gradient with respect to the logits, `[columns]`, from the gradient with respect to the scores,
    /// `[labels]`.
    pub(crate) fn backward(&self, dscores: &[f32], dlogits: &mut [f32]) {
        let mut rest = dlogits;
        for (words, dscore) in self.words.iter().zip(dscores) {
            let (own, others) = rest.split_at_mut(words.len());
            own.fill(dscore / words.len() as f32);
            rest = others;
        }
    }
}

/// Whether a word in place of the mask begins with a space, which is part of the token in some vocabularies.
pub(crate) fn leading_space(pattern: &Pattern, spacing: Spacing) -> bool {
    let before = pattern.parts().iter().take_while(|part| **part != Part::Mask).last();
    match (spacing, before) {
        (Spacing::Parts, _) => true,
        (Spacing::Text, Some(Part::Literal(text))) => text.ends_with(char::is_whitespace),
        (Spacing::Text, _) => false,
    }
}

fn tokenize(text: &str, tokenizer: &Tokenizer, leading_space: bool) -> Vec<u32> {
    match leading_space {
        true => tokenizer.tokenize(&tokenizer.after_space(text)),
        false => tokenizer.tokenize(text),
    }
}

/// The tokens of a word, or the problem and its remedy.
pub(crate) fn tokens(
    text: &str,
    tokenizer: &Tokenizer,
    leading_space: bool,
) -> std::result::Result<Vec<u32>, (String, String)> {
    let tokens = tokenize(text, tokenizer, leading_space);
    if tokens.contains(&tokenizer.special().unk) {
        return Err((
            format!("the vocabulary does not know `{text}`"),
            "choose a more common word, without unusual characters".into(),
        ));
    }
    if tokens.is_empty() {
        return Err((format!("`{text}` has no visible characters"), "write a word".into()));
    }
    if tokens.len() > LONGEST {
        let pieces = list(tokens.iter().take(6).filter_map(|&token| tokenizer.text(token)));
        return Err((
            format!("`{text}` is {} tokens of the vocabulary: {pieces}, …", tokens.len()),
            format!("choose a word of at most {LONGEST} tokens"),
        ));
    }
    Ok(tokens)
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

    pub(crate) fn tokenizer_of_default_model() -> Tokenizer {
        Tokenizer::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/cloze-mini-en")).unwrap()
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

    /// The reference implementation treats token number 0 as missing.
    #[test]
    fn a_word_that_is_the_first_token_of_the_vocabulary_counts_like_any_other() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/encoder/bert/tokenizer.json");
        let mut json: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let yes = json["model"]["vocab"]["yes"].clone();
        json["model"]["vocab"]["yes"] = 0.into();
        json["model"]["vocab"]["[PAD]"] = yes.clone();
        json["added_tokens"][0]["id"] = yes;
        let tokenizer = Tokenizer::from_bytes(json.to_string().as_bytes()).unwrap();
        let verbalizer =
            Verbalizer::of_labels(&labels(&[&["true", "yes"], &["no"]]), &tokenizer, true).unwrap();
        assert_eq!(verbalizer.columns()[1], 0);
        let mut scores = [0.0; 2];
        verbalizer.scores(&[1.0, 4.0, -1.0], &mut scores);
        assert_eq!(scores, [2.5, -1.0]);
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
    fn a_word_of_several_tokens_needs_several_masks() {
        let tokenizer = tokenizer();
        let verbalizer =
            Verbalizer::of_labels(&labels(&[&["yes"], &["no", "nerve fibre"]]), &tokenizer, true).unwrap();
        assert!(!verbalizer.is_one_token() && verbalizer.columns().is_empty());
        let candidates = verbalizer.candidates(&tokenizer, &[], |_| "").unwrap();
        assert_eq!(candidates.longest(), 6);
        assert_eq!(candidates.0[0], [[tokenizer.id("yes").unwrap()]]);
    }

    #[test]
    fn a_word_from_a_column_differs_from_row_to_row() {
        let tokenizer = tokenizer();
        let words: &[&[&str]] = &[&["{a|lower_first}"], &["not {b}", "no"]];
        let verbalizer = Verbalizer::of_labels(&labels(words), &tokenizer, true).unwrap();
        let row = |a: &'static str, b: &'static str| {
            verbalizer.candidates(&tokenizer, &[], |name| if name == "a" { a } else { b }).unwrap().0.clone()
        };
        let ids = |text: &str| tokenizer.tokenize(text);
        assert_eq!(row("The sun", "house"), [vec![ids("the sun")], vec![ids("not house"), ids("no")]]);
        assert_eq!(row("", "house")[0], [[tokenizer.special().unk]]);
    }

    #[test]
    fn a_sentence_is_no_word() {
        let sentence = "house ".repeat(40);
        let found = problems(&[&["yes"], &[sentence.as_str()]]);
        assert!(found[0].2.contains("tokens of the vocabulary"), "{found:?}");
        assert_eq!(
            problems(&[&["yes"], &["{mask}"]])[0].2,
            "a word has no `{mask}`, no `{sep}` and no `{+}`"
        );
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
        let text = EXAMPLE.replace("bug", "日本");
        let error = Verbalizer::new(&parse(&text), 0, &tokenizer()).unwrap_err();
        let Error::Task(error) = error else { panic!() };
        let first = &error.mistakes[0];
        assert_eq!((&text[first.span.clone()], first.place.line), ("\"日本\"", Some(12)));
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
