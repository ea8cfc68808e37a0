//! Cloze tasks beside masked words: a text with a mask, words that may stand there, and which of them is right.
//!
//! A model is trained on them with the loss that PET trains with (Schick and Schütze 2021, arXiv 2001.07676): cross-entropy over the words
//! of the task alone.

use std::path::PathBuf;

use cloze_encoder::{Batch, Device, Mode, Sequence, Session, Tokenizer, Vocab, loss};

use super::events::{Listener, progress, say};
use super::threads::on_threads;
use crate::dataset::listed;
use crate::error::counted;
use crate::pvp::verbalizer;
use crate::table::{ReadOptions, Reader, Row};
use crate::{Error, Result};

/// What stands for the mask in a task's text.
const MASK: &str = "{mask}";
/// Rows that are tokenised at a time.
const CHUNK: usize = 8192;

/// Tasks of at most a certain number of tokens.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    /// The texts' tokens, the mask's among them.
    ids: Vec<u32>,
    /// Where in `ids` each text ends.
    ends: Vec<usize>,
    /// The tasks' words, of each the right one first.
    words: Vec<u32>,
    /// Where in `words` those of each task end.
    word_ends: Vec<usize>,
}

/// A task that has been read, or why it cannot be used with the model.
enum Found {
    Task {
        ids: Vec<u32>,
        words: Vec<u32>,
    },
    TooLong,
    /// A word that is not one token of the vocabulary.
    NoToken(String),
}

impl Tasks {
    /// Reads the tasks of tables with the columns `text`, `words` and `answer`: a text with one `{mask}`, words with blanks between them or as a list,
    /// and which of them is right. Longer tasks than `room` tokens, and those with a word that is not one token, are left out; the second
    /// part says how many.
    ///
    /// # Errors
    /// When a file cannot be read, a row is no task, or none can be used; [`Error::Stopped`] when the listener breaks.
    pub(super) fn read(
        files: &[PathBuf],
        reading: ReadOptions,
        tokenizer: &Tokenizer,
        room: usize,
        threads: usize,
        listener: &mut Listener,
    ) -> Result<(Tasks, Vec<String>)> {
        let (mut tasks, mut too_long, mut no_token) = (Tasks::default(), 0, Vec::new());
        for path in files {
            let mut reader = Reader::open(path, reading)?;
            let columns = columns(&reader)?;
            let mut rows = reader.rows();
            loop {
                let chunk: Vec<Row> = rows.by_ref().take(CHUNK).collect::<Result<_>>()?;
                if chunk.is_empty() {
                    break;
                }
                for found in on_threads(&chunk, threads, |row| encode(row, columns, tokenizer, room)) {
                    match found? {
                        Found::Task { ids, words } => tasks.push(&ids, &words),
                        Found::TooLong => too_long += 1,
                        Found::NoToken(word) => no_token.push(word),
                    }
                }
                say(listener, &progress("read", tasks.len(), 0, "tasks"))?;
            }
        }
        let mut warnings = Vec::new();
        if too_long > 0 {
            let verb = if too_long == 1 { "is" } else { "are" };
            warnings.push(format!("{} longer than a sequence {verb} left out", counted(too_long, "task")));
        }
        if let Some(word) = no_token.first() {
            let verb = if no_token.len() == 1 { "is" } else { "are" };
            let tasks = counted(no_token.len(), "task");
            warnings.push(format!(
                "{tasks} with a word that is not a token of its own, such as `{word}`, {verb} left out"
            ));
        }
        if !files.is_empty() && tasks.len() == 0 {
            let problem = format!(
                "no task can be used{}{}",
                if warnings.is_empty() { "" } else { ": " },
                warnings.join("; ")
            );
            return Err(Error::usage(
                problem,
                "give tasks with words that the model's vocabulary has, or a greater `--length`",
            ));
        }
        Ok((tasks, warnings))
    }

    fn push(&mut self, ids: &[u32], words: &[u32]) {
        self.ids.extend_from_slice(ids);
        self.ends.push(self.ids.len());
        self.words.extend_from_slice(words);
        self.word_ends.push(self.words.len());
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A hash of all tasks.
    pub(super) fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for id in self.ids.iter().chain(&self.words) {
            hasher.update(&id.to_le_bytes());
        }
        for end in self.ends.iter().chain(&self.word_ends) {
            hasher.update(&(*end as u64).to_le_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// These tasks as an input of the model.
    pub(super) fn ask(&self, indices: &[usize], tokenizer: &Tokenizer) -> Asked {
        let mut asked =
            Asked { batch: Batch::new(), rows: Vec::new(), vocabulary: Vec::new(), words: Vec::new() };
        for (place, &index) in indices.iter().enumerate() {
            let sequence = tokenizer.assemble(part(&self.ids, &self.ends, index), None);
            asked.batch.push(&sequence);
            asked.rows.push(asked.batch.index(place, mask(&sequence, tokenizer)));
            asked.words.push(part(&self.words, &self.word_ends, index).to_vec());
        }
        asked.vocabulary = asked.words.concat();
        asked.vocabulary.sort_unstable();
        asked.vocabulary.dedup();
        asked
    }
}

/// Tasks that pass through the model together.
pub(super) struct Asked {
    batch: Batch,
    /// Where their masks are.
    rows: Vec<u32>,
    /// The words of all of them, in rising order.
    vocabulary: Vec<u32>,
    /// The words of each, the right one first.
    words: Vec<Vec<u32>>,
}

impl Asked {
    /// The mean cross-entropy of the right words among those of their tasks; adds `weight` times its gradient.
    pub(super) fn train(&self, session: &mut Session, dropout_seed: u64, weight: f32) -> f32 {
        let device = session.device().clone();
        let mode = Mode::Train { dropout_seed };
        let logits = session.mask_logits(&self.batch, &self.rows, Vocab::Subset(&self.vocabulary), mode);
        let loss = self.cross_entropy(&device, logits, weight);
        session.backward_in_place();
        loss
    }

    /// How many of the tasks the model solves; nothing is trained.
    pub(super) fn right(&self, session: &mut Session) -> usize {
        let logits =
            session.mask_logits(&self.batch, &self.rows, Vocab::Subset(&self.vocabulary), Mode::Predict);
        let rows = logits.chunks_exact(self.vocabulary.len()).zip(&self.words);
        let solved = |(row, words): &(&[f32], &Vec<u32>)| {
            let best = row[self.column(words[0])];
            words[1..].iter().all(|word| row[self.column(*word)] < best)
        };
        rows.filter(solved).count()
    }

    /// The loss; `logits` become its gradient.
    fn cross_entropy(&self, device: &Device, logits: &mut [f32], weight: f32) -> f32 {
        let share = weight / self.words.len() as f32;
        let mut sum = 0.0;
        for (row, words) in logits.chunks_exact_mut(self.vocabulary.len()).zip(&self.words) {
            let columns: Vec<usize> = words.iter().map(|word| self.column(*word)).collect();
            let mut own: Vec<f32> = columns.iter().map(|column| row[*column]).collect();
            sum += f64::from(loss::cross_entropy(device, &mut own, &[0], share));
            row.fill(0.0);
            columns.iter().zip(own).for_each(|(column, slope)| row[*column] = slope);
        }
        (sum / self.words.len() as f64) as f32
    }

    fn column(&self, word: u32) -> usize {
        self.vocabulary.partition_point(|other| *other < word)
    }
}

/// What belongs to `index`, of parts that end there.
fn part<'a>(all: &'a [u32], ends: &[usize], index: usize) -> &'a [u32] {
    let start = index.checked_sub(1).map_or(0, |before| ends[before]);
    &all[start..ends[index]]
}

/// Where the mask is. No text has its token.
fn mask(sequence: &Sequence, tokenizer: &Tokenizer) -> usize {
    let mask = tokenizer.special().mask;
    sequence.ids.iter().position(|id| *id == mask).unwrap_or_default()
}

/// Where the text, the words and the answer are in a table.
fn columns(reader: &Reader) -> Result<[usize; 3]> {
    let columns = ["text", "words", "answer"].map(|name| reader.header().require(name));
    let [text, words, answer] = columns;
    Ok([text?, words?, answer?])
}

/// The task of a row.
fn encode(row: &Row, [text, words, answer]: [usize; 3], tokenizer: &Tokenizer, room: usize) -> Result<Found> {
    let refuse = |problem: String, remedy: &str| Err(Error::data(row.place(), problem, remedy));
    let text = row.value(text);
    let Some((before, after)) = text.split_once(MASK).filter(|(_, after)| !after.contains(MASK)) else {
        let masks = text.matches(MASK).count();
        return refuse(
            format!("the text has {}", counted(masks, "mask")),
            "write `{mask}` once, where the word belongs",
        );
    };
    let answer = row.value(answer).trim();
    let words = row.value(words);
    let listed = listed(words);
    let words: Vec<&str> = match &listed {
        Some(words) => words.iter().map(|word| word.trim()).collect(),
        None => words.split_whitespace().collect(),
    };
    if !words.contains(&answer) {
        return refuse(
            format!("`{answer}` is none of the words"),
            "choose the answer from the column `words`, or add it there",
        );
    }
    let mut ordered = vec![answer];
    for word in words {
        if !ordered.contains(&word) {
            ordered.push(word);
        }
    }
    if ordered.len() < 2 {
        return refuse(
            format!("`{answer}` is the only word"),
            "write others beside it that may be wrong, with blanks between them",
        );
    }
    let leading_space = before.is_empty() || before.ends_with(char::is_whitespace);
    let mut tokens = Vec::new();
    for word in ordered {
        match verbalizer::tokens(word, tokenizer, leading_space).as_deref() {
            Ok(&[token]) if !tokens.contains(&token) => tokens.push(token),
            _ => return Ok(Found::NoToken(word.to_owned())),
        }
    }
    let mut ids = tokenizer.tokenize(before.trim_end());
    ids.push(tokenizer.special().mask);
    ids.extend(tokenizer.tokenize(after));
    Ok(if ids.len() > room { Found::TooLong } else { Found::Task { ids, words: tokens } })
}
