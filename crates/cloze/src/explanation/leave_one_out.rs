//! Contributions by leaving out one word at a time.

use super::words::{Position, without};
use crate::Result;
use crate::dataset::Example;
use crate::ensemble::soft_labels;
use crate::scoring::scores::Scores;

/// The number of examples that are scored at a time. They are texts of full length, which take memory.
const VARIANTS: usize = 1024;

/// A label of an example whose probability is to be explained.
pub(crate) struct Asked<'e> {
    /// The example, or the question about it.
    pub(crate) example: &'e Example,
    /// The index of the label among the scores.
    pub(crate) label: usize,
    /// Its probability for the example as it is.
    pub(crate) probability: f64,
    /// What scores are divided by before they become probabilities.
    pub(crate) temperature: f64,
    /// The words of the example's texts.
    pub(crate) words: Vec<Position>,
    /// Whether the model reads each of them; what it does not read contributes nothing.
    pub(crate) is_read: Vec<bool>,
}

impl<'e> Asked<'e> {
    /// A label of an example with these scores, all of whose words are taken to be read.
    pub(crate) fn new(
        example: &'e Example,
        label: usize,
        scores: &[f32],
        temperature: f64,
        words: Vec<Position>,
    ) -> Asked<'e> {
        let probability = soft_labels(scores, temperature)[label];
        Asked { example, label, probability, temperature, is_read: vec![true; words.len()], words }
    }

    /// The example without a word.
    fn without(&self, word: usize) -> Example {
        let Position { text, bytes, .. } = &self.words[word];
        let mut example = self.example.clone();
        example.texts[*text] = without(&example.texts[*text], bytes);
        example
    }
}

/// The contribution of every word: the probability of the label minus that without the word. `score` gives the scores
/// of examples; it receives many at a time, whichever example they are made from.
///
/// # Errors
/// When `score` fails.
pub(crate) fn leave_one_out(
    asked: &[Asked],
    mut score: impl FnMut(&[Example]) -> Result<Scores>,
) -> Result<Vec<Vec<f64>>> {
    let mut contributions: Vec<Vec<f64>> = asked.iter().map(|asked| vec![0.0; asked.words.len()]).collect();
    let read = asked.iter().enumerate().flat_map(|(at, asked)| {
        let read = asked.is_read.iter().enumerate().filter(|(_, is_read)| **is_read);
        read.map(move |(word, _)| (at, word))
    });
    let read: Vec<(usize, usize)> = read.collect();
    for group in read.chunks(VARIANTS) {
        let variants: Vec<Example> = group.iter().map(|&(at, word)| asked[at].without(word)).collect();
        let scores = score(&variants)?;
        for (&(at, word), row) in group.iter().zip(scores.iter()) {
            let Asked { label, probability, temperature, .. } = asked[at];
            contributions[at][word] = probability - soft_labels(row, temperature)[label];
        }
    }
    Ok(contributions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Place;
    use crate::explanation::words::words;

    fn example(text: &str) -> Example {
        Example {
            texts: vec![text.to_owned(), "a topic".to_owned()],
            label: None,
            accepted: Vec::new(),
            choices: Vec::new(),
            group: None,
            place: Place::file("a.csv"),
        }
    }

    /// Twice as likely with every `good`; the score of another text is its length.
    fn scores(examples: &[Example]) -> Result<Scores> {
        let mut scores = Scores::new(2);
        for Example { texts, .. } in examples {
            assert_eq!(texts[1], "a topic");
            scores.push(&[texts[0].matches("good").count() as f32, 1.0]);
        }
        Ok(scores)
    }

    #[test]
    fn a_word_contributes_what_its_absence_takes_away() {
        let texts = ["so good", "so so good day"].map(example);
        let asked: Vec<Asked> = texts
            .iter()
            .map(|example| {
                let words = words(0, &example.texts[0]);
                let probability = soft_labels(&[1.0, 1.0], 1.0)[0];
                let mut is_read = vec![true; words.len()];
                is_read[0] = false;
                Asked { example, label: 0, probability, temperature: 1.0, words, is_read }
            })
            .collect();
        let found = leave_one_out(&asked, scores).unwrap();
        let drop = 0.5 - 1.0 / (1.0 + 1.0_f64.exp());
        assert_eq!(found[0], [0.0, drop]);
        assert_eq!(found[1], [0.0, 0.0, drop, 0.0]);
    }

    #[test]
    fn many_words_are_scored_in_groups_and_none_is_left_out() {
        let text = example(&"so good ".repeat(VARIANTS));
        let words = words(0, &text.texts[0]);
        let is_read = vec![true; words.len()];
        let asked = [Asked { example: &text, label: 1, probability: 0.25, temperature: 1.0, words, is_read }];
        let mut sizes = Vec::new();
        let found = leave_one_out(&asked, |examples| {
            sizes.push(examples.len());
            scores(examples)
        });
        assert_eq!((sizes, found.unwrap()[0].len()), (vec![VARIANTS; 2], 2 * VARIANTS));
    }
}
