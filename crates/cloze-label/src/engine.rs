//! Learning while a person labels: one thread reads texts with the pretrained model, another fits the committee.
//!
//! Locks are taken in this order, or one thread could wait for another for ever: the state of the desk, the features, and then the others, each
//! for a moment. Whoever holds the features does not ask for the state.

mod curve;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use cloze::labelling::{Answers, Committee, Extractor, Features, Fitted, Opinion, Prior, patterns};
use cloze::{Model, Result, cloze_encoder::Device};
use serde::Serialize;

use self::curve::POINT;
pub(crate) use self::curve::Point;
use crate::desk::Desk;
use crate::rows::Row;
use crate::state::State;

/// The most texts that are read.
const POOL: usize = 10_000;

/// How many texts are read at a time, so that others never wait long.
const CHUNK: usize = 16;

/// Texts that have to be read before words say anything.
const FIRST: usize = 64;

/// The most labelled texts that the committee learns from: what is older counts least.
const LESSONS: usize = 600;

/// How many texts more or less of them it learns from, so that not every label changes all of them.
const STEP: usize = 100;

/// What the committee says about the texts that were read.
pub(crate) type Opinions = HashMap<Row, Opinion>;

/// How far reading has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Reading {
    pub(crate) read: usize,
    pub(crate) of: usize,
}

/// A suggestion for a text.
#[derive(Debug, Clone)]
pub(crate) struct Suggestion {
    pub(crate) opinion: Opinion,
    /// How many labels the committee has learned from.
    pub(crate) lessons: usize,
    /// The labels' edition that it is of.
    pub(crate) edition: u64,
}

/// What was fitted last.
#[derive(Default)]
struct Latest {
    fitted: Option<Arc<Fitted>>,
    lessons: usize,
    edition: u64,
}

/// What the threads share with those who ask.
pub(crate) struct Engine {
    desk: Arc<Desk>,
    features: RwLock<Option<Features>>,
    /// The texts that were read, in order.
    read: RwLock<Vec<Row>>,
    place: RwLock<HashMap<Row, usize>>,
    prior: RwLock<Option<Arc<Prior>>>,
    latest: RwLock<Latest>,
    opinions: RwLock<Arc<Opinions>>,
    curve: Mutex<Vec<Point>>,
    /// Texts that somebody waits for.
    urgent: Mutex<Vec<Row>>,
    /// Increases with everything that the learner should look at.
    news: Mutex<u64>,
    wake: Condvar,
    wake_reader: Condvar,
    /// How many texts are to be read.
    total: AtomicUsize,
    failed: RwLock<Option<String>>,
    stop: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    pub(crate) fn new(desk: Arc<Desk>) -> Engine {
        Engine {
            desk,
            features: RwLock::default(),
            read: RwLock::default(),
            place: RwLock::default(),
            prior: RwLock::default(),
            latest: RwLock::default(),
            opinions: RwLock::default(),
            curve: Mutex::default(),
            urgent: Mutex::default(),
            news: Mutex::default(),
            wake: Condvar::new(),
            wake_reader: Condvar::new(),
            total: AtomicUsize::new(0),
            failed: RwLock::default(),
            stop: AtomicBool::new(false),
        }
    }

    /// Starts both threads.
    pub(crate) fn start(self: &Arc<Self>, model: Model, device: Device, patterns: Option<Vec<String>>) {
        let reader = Arc::clone(self);
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
            if let Err(error) = thread {
                *write(&self.failed) = Some(format!("a thread cannot be started: {error}"));
            }
        };
        spawn(
            "reader",
            Box::new(move || {
                if let Err(error) = reader.read_all(&model, &device, patterns) {
                    *write(&reader.failed) = Some(error.to_string());
                }
            }),
        );
        let learner = Arc::clone(self);
        spawn("learner", Box::new(move || learner.learn()));
    }

    /// Says that labels have changed.
    pub(crate) fn hear(&self) {
        *lock(&self.news) += 1;
        self.wake.notify_all();
        self.wake_reader.notify_all();
    }

    pub(crate) fn end(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.hear();
    }

    /// Asks for a text to be read before others.
    pub(crate) fn want(&self, row: Row) {
        if !read(&self.place).contains_key(&row) {
            lock(&self.urgent).push(row);
            self.wake_reader.notify_all();
        }
    }

    pub(crate) fn progress(&self) -> Reading {
        Reading { read: read(&self.read).len(), of: self.total.load(Ordering::Relaxed) }
    }

    pub(crate) fn failure(&self) -> Option<String> {
        read(&self.failed).clone()
    }

    pub(crate) fn opinions(&self) -> Arc<Opinions> {
        Arc::clone(&read(&self.opinions))
    }

    /// What the committee, as it is now, says about a text that was read.
    pub(crate) fn suggestion(&self, row: Row) -> Option<Suggestion> {
        let place = *read(&self.place).get(&row)?;
        let latest = read(&self.latest);
        let fitted = latest.fitted.clone()?;
        let (lessons, edition) = (latest.lessons, latest.edition);
        drop(latest);
        let prior = read(&self.prior).clone();
        let features = read(&self.features);
        let opinion = fitted.opinion(features.as_ref()?, prior.as_deref(), place);
        Some(Suggestion { opinion, lessons, edition })
    }

    /// What the committee says about each labelled text when it has learned from the others.
    pub(crate) fn left_out(&self) -> Vec<(Row, Opinion)> {
        let Some(fitted) = read(&self.latest).fitted.clone() else { return Vec::new() };
        let rows = read(&self.read);
        fitted.left_out.iter().map(|(place, opinion)| (rows[*place], opinion.clone())).collect()
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The first thread: labelled texts first, then the sample, then any others.
    fn read_all(&self, model: &Model, device: &Device, given: Option<Vec<String>>) -> Result<()> {
        let desk = &self.desk;
        let names = loop {
            let names: Vec<String> = desk.state().labels.iter().map(|label| label.name.clone()).collect();
            if self.is_stopped() {
                return Ok(());
            }
            // Which patterns suit depends on what labels are called.
            if given.is_some() || names.len() >= 2 {
                break names;
            }
            self.pause();
        };
        let columns = &desk.rows.columns;
        let shuffled = desk.rows.shuffled();
        let some = shuffled.iter().take(500).flat_map(|row| &desk.rows.texts[*row].values);
        let (asked, all) = some.fold((0_u32, 0_u32), |(asked, all), text| {
            (asked + u32::from(text.trim_end().ends_with('?')), all + 1)
        });
        let questions = f64::from(asked) / f64::from(all.max(1));
        let patterns = given.unwrap_or_else(|| patterns(columns, &names, questions));
        let mut extractor = Extractor::new(model, &patterns, columns, device)?;
        *write(&self.features) = Some(extractor.features());

        let mut waiting: Vec<Row> = {
            let state = desk.state();
            let lessons = state.lessons();
            let first: Vec<Row> =
                lessons[lessons.len().saturating_sub(LESSONS)..].iter().map(|(row, _)| *row).collect();
            let known: HashSet<Row> = first.iter().copied().collect();
            let others =
                shuffled.into_iter().filter(|row| !state.is_sample(*row) && !known.contains(row)).take(POOL);
            first.into_iter().chain(state.sample.iter().copied()).chain(others).collect()
        };
        // Taken from the end.
        waiting.reverse();
        let (mut edition, mut words, mut based_on) = (u64::MAX, None, 0);
        while !self.is_stopped() {
            let chunk = self.next_chunk(&mut waiting);
            let grown = !chunk.is_empty();
            if grown {
                let texts: Vec<&[String]> =
                    chunk.iter().map(|row| desk.rows.texts[*row].values.as_slice()).collect();
                self.keep(&chunk, &extractor.read(&texts)?);
            }
            let done = waiting.is_empty();
            if done && let Some(features) = write(&self.features).as_mut() {
                features.settle();
            }
            let rows = read(&self.read).len();
            self.total.store(rows + waiting.len(), Ordering::Relaxed);
            let labels = {
                let state = desk.state();
                (state.edition != edition).then(|| (state.edition, state.labels.clone()))
            };
            let relabelled = labels.is_some();
            if let Some((now, labels)) = labels {
                edition = now;
                let named: Vec<(&str, &str)> =
                    labels.iter().map(|label| (label.name.as_str(), label.words.as_str())).collect();
                words = if labels.len() >= 2 { extractor.words(&named) } else { None };
                based_on = 0;
            }
            self.refresh_prior(&mut extractor, words.as_deref(), &mut based_on, done)?;
            if relabelled || grown && (done || rows % (8 * CHUNK) < CHUNK) {
                *lock(&self.news) += 1;
                self.wake.notify_all();
            }
            if !grown {
                self.pause();
            }
        }
        Ok(())
    }

    /// The texts that are read next: those that somebody waits for, and some of the others.
    fn next_chunk(&self, waiting: &mut Vec<Row>) -> Vec<Row> {
        let mut wanted: Vec<Row> = std::mem::take(&mut *lock(&self.urgent));
        let known = read(&self.place);
        let mut chunk: Vec<Row> = Vec::with_capacity(CHUNK);
        while let Some(row) = wanted.pop().or_else(|| if chunk.len() < CHUNK { waiting.pop() } else { None })
        {
            if !known.contains_key(&row) && !chunk.contains(&row) {
                chunk.push(row);
            }
        }
        chunk
    }

    /// Takes in what was read.
    fn keep(&self, chunk: &[Row], found: &[f32]) {
        let mut features = write(&self.features);
        let (mut places, mut rows) = (write(&self.place), write(&self.read));
        if let Some(features) = features.as_mut() {
            features.add(found);
        }
        for row in chunk {
            places.insert(*row, rows.len());
            rows.push(*row);
        }
    }

    /// Lets words speak about all texts that were read: anew when the labels have changed or twice as many
    /// texts are known, else about those that have come since.
    fn refresh_prior(
        &self,
        extractor: &mut Extractor,
        words: Option<&[Vec<u32>]>,
        based_on: &mut usize,
        all: bool,
    ) -> Result<()> {
        let features = read(&self.features);
        let Some(features) = features.as_ref() else { return Ok(()) };
        let Some(words) = words else {
            *write(&self.prior) = None;
            return Ok(());
        };
        if features.len() < FIRST && !all || features.is_empty() {
            return Ok(());
        }
        let known = read(&self.prior).clone().filter(|_| *based_on > 0 && features.len() < 2 * *based_on);
        let prior = match known {
            Some(prior) if prior.len() == features.len() => return Ok(()),
            Some(prior) => {
                let mut prior = Prior::clone(&prior);
                extractor.extend(&mut prior, features, words)?;
                prior
            }
            None => {
                *based_on = features.len();
                extractor.prior(features, words)?
            }
        };
        *write(&self.prior) = Some(Arc::new(prior));
        Ok(())
    }

    /// Waits until there is something new, or for a moment.
    fn pause(&self) {
        let news = lock(&self.news);
        drop(self.wake_reader.wait_timeout(news, Duration::from_millis(500)));
    }

    /// The second thread: fits the committee whenever something has changed, and then lets it speak about all texts.
    fn learn(&self) {
        let answers = if self.desk.state().several { Answers::Several } else { Answers::One };
        let (mut committee, mut heard, mut edition) = (Committee::new(answers), u64::MAX, u64::MAX);
        let mut replayed = false;
        loop {
            let mut news = lock(&self.news);
            while *news == heard && !self.is_stopped() {
                news = self.wake.wait(news).unwrap_or_else(PoisonError::into_inner);
            }
            heard = *news;
            drop(news);
            if self.is_stopped() {
                return;
            }
            let (lessons, labels, now, sample, touched) = {
                let state = self.desk.state();
                let touched: HashSet<Row> = state.touched().into_iter().collect();
                (lessons(&state), state.labels.len(), state.edition, state.sample.clone(), touched)
            };
            let features = read(&self.features);
            let Some(features) = features.as_ref().filter(|features| features.is_settled()) else { continue };
            if labels < 2 {
                continue;
            }
            if now != edition {
                (committee, edition, replayed) = (Committee::new(answers), now, false);
            }
            let known = read(&self.place);
            let complete = lessons.iter().all(|(row, _)| known.contains_key(row));
            for (row, _) in lessons.iter().filter(|(row, _)| !known.contains_key(row)) {
                lock(&self.urgent).push(*row);
            }
            let placed: Vec<(usize, Vec<usize>)> =
                lessons.iter().filter_map(|(row, labels)| Some((*known.get(row)?, labels.clone()))).collect();
            drop(known);
            let prior = read(&self.prior).clone();
            let prior = prior.as_deref();
            if complete && !replayed {
                self.replay_curve(features, prior, labels, &placed, (&sample, edition), answers);
                replayed = true;
            }
            let fitted = Arc::new(committee.fit(features, prior, labels, &placed));
            *write(&self.latest) =
                Latest { fitted: Some(Arc::clone(&fitted)), lessons: placed.len(), edition };
            if complete && placed.len().is_multiple_of(POINT) {
                self.keep_point(features, prior, &fitted, placed.len(), (&sample, edition));
            }
            self.give_opinions(features, prior, &fitted, (&touched, heard));
        }
    }

    /// What the committee says about every text that was read and nobody has labelled; given up when something new has come.
    fn give_opinions(
        &self,
        features: &Features,
        prior: Option<&Prior>,
        fitted: &Fitted,
        (touched, heard): (&HashSet<Row>, u64),
    ) {
        let rows: Vec<(usize, Row)> = {
            let rows = read(&self.read);
            rows.iter().copied().enumerate().filter(|(_, row)| !touched.contains(row)).collect()
        };
        let mut opinions = Opinions::with_capacity(rows.len());
        for (number, (place, row)) in rows.iter().enumerate() {
            if number % 512 == 511 && *lock(&self.news) != heard && !read(&self.opinions).is_empty() {
                break;
            }
            opinions.insert(*row, fitted.opinion(features, prior, *place));
        }
        // What was not reached keeps what was said before, if the labels are the same.
        if opinions.len() < rows.len() {
            let before = self.opinions();
            let labels = opinions.values().next().map(|opinion| opinion.probabilities.len());
            for (_, row) in &rows[opinions.len()..] {
                if let Some(old) = before.get(row).filter(|old| Some(old.probabilities.len()) == labels) {
                    opinions.insert(*row, old.clone());
                }
            }
        }
        *write(&self.opinions) = Arc::new(opinions);
    }
}

/// The labelled texts that are learned from: all, or with many of them the last.
fn lessons(state: &State) -> Vec<(Row, Vec<usize>)> {
    let all = state.lessons();
    let first = all.len().saturating_sub(LESSONS).next_multiple_of(STEP).min(all.len());
    all[first..].iter().map(|(row, labels)| (*row, labels.iter().copied().collect())).collect()
}
