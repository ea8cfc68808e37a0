//! A project, and the server of its page.

use std::collections::{HashMap, HashSet};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cloze::inspect::doubt;
use cloze::labelling::Texts;
use cloze::{Error, Model, cloze_encoder::Device};
use serde_json::{Value, json};

use crate::desk::{Desk, Inbox};
use crate::engine::Engine;
use crate::export::TaskFile;
use crate::guard::Sessions;
use crate::log::{Action, Event, Log, now};
use crate::queue::{Offer, Queue, Why};
use crate::rows::{Row, Rows};
use crate::state::{Label, State};
use crate::train::{Predicted, Trainer};
use crate::trust::right;
use crate::{Options, SAMPLE, private, routes};

/// Who is named for what a project begins with.
const BEGINNING: &str = "cloze";

/// Texts of the sample that have to be labelled before they decide between two models.
const COMPARED: usize = 20;

/// Each label needs so many texts before a run is started unasked.
const OF_LABEL: usize = 4;

/// A project whose log is open, which no other process can open now.
pub struct Project {
    name: String,
    folder: PathBuf,
    desk: Arc<Desk>,
    inbox: Inbox,
    log: Log,
    events: Vec<Event>,
    task: Option<TaskFile>,
}

impl Project {
    /// Opens the project in `folder`, or begins it there. With a task file, its patterns read the texts.
    ///
    /// # Errors
    /// When there are no texts, the address is not of this machine alone, the folder cannot be written, another process labels there, or its labels
    /// are of other texts.
    pub fn open(
        texts: Texts,
        name: &str,
        folder: &Path,
        task: Option<TaskFile>,
        options: &Options,
    ) -> cloze::Result<Project> {
        // Before anything is written.
        options.check()?;
        let (mut several, known_labels) = (texts.several || options.several, texts.labels.clone());
        let labels = known_labels.iter().cloned().map(|(name, words)| Label { name, words }).collect();
        let rows = Rows::new(texts);
        if rows.len() == 0 {
            return Err(Error::usage(
                "there is no text to label",
                "give a table with at least one row of text",
            ));
        }
        private::own_folder(folder)?;
        let (mut log, mut events) = Log::open(folder)?;
        // What was labelled with sets of labels goes on with them.
        several |= events
            .iter()
            .any(|event| matches!(&event.action, Action::Label { labels, .. } if labels.len() != 1));
        let first = State::new(&rows, labels, several);
        let mut state = first.clone().replayed(&rows, &events);
        check_same_texts(&rows, &events, folder)?;
        let is_drawn = events.iter().any(|event| matches!(event.action, Action::Sample { .. }));
        let logged: Vec<String> = events
            .iter()
            .filter_map(|event| match &event.action {
                Action::AddLabel { label, .. } => Some(label.clone()),
                _ => None,
            })
            .collect();
        let known = events.len();
        let mut begin = |state: &mut State, action| {
            // Nobody's decision, which nobody undoes.
            let (seq, annotator) = (events.len() as u64 + 1, BEGINNING.to_owned());
            let event = Event { seq, time: now(), annotator, action };
            state.apply(&rows, &event);
            events.push(event);
        };
        // What the files say now is known when they say it no more.
        for (label, words) in known_labels.into_iter().filter(|(label, _)| !logged.contains(label)) {
            begin(&mut state, Action::AddLabel { label, words });
        }
        // A sample stays as it is, unless a larger one is asked for.
        let is_there = is_drawn || !state.sample.is_empty();
        let wanted = options.sample.unwrap_or(if is_there { 0 } else { SAMPLE }).min(largest_sample(&rows));
        if let Some(more) = wanted.checked_sub(state.sample.len()).filter(|more| *more > 0) {
            let is_new = |row: &Row| !state.is_touched(*row) && !state.is_sample(*row);
            let drawn: Vec<Row> = rows.shuffled().into_iter().filter(is_new).take(more).collect();
            let all = state.sample.iter().chain(&drawn).map(|row| rows.hash(*row)).collect();
            if !drawn.is_empty() {
                begin(&mut state, Action::Sample { rows: all });
            }
        }
        for label in &options.labels {
            if state.find(label).is_some() {
                continue;
            }
            let action = Action::AddLabel { label: label.clone(), words: String::new() };
            state.check(&rows, &action).map_err(|refused| {
                Error::usage(format!("`{label}` cannot be a label: {}", refused.0), "give other labels")
            })?;
            begin(&mut state, action);
        }
        log.append(&events[known..]).map_err(|source| Error::io("write", log.path(), source))?;
        let (desk, inbox) = Desk::new(rows, first, &events);
        Ok(Project {
            name: name.to_owned(),
            folder: folder.to_owned(),
            desk: Arc::new(desk),
            inbox,
            log,
            events,
            task,
        })
    }

    /// How many texts of the sample there are, on which accuracy is measured, and how many there could be at most.
    pub fn sample(&self) -> (usize, usize) {
        (self.desk.state().sample.len(), largest_sample(&self.desk.rows))
    }

    /// How many of so many rows are copies of others, and how many have no text.
    pub fn left_out(&self, rows: usize) -> (usize, usize) {
        let with_text = self.desk.rows.with_text();
        (with_text - self.desk.rows.len(), rows - with_text)
    }

    /// The columns with the texts.
    pub fn columns(&self) -> &[String] {
        &self.desk.rows.columns
    }

    /// How many texts have been labelled that are not in the table any more.
    pub fn missing(&self) -> usize {
        missing(&self.desk.rows, &self.events).1
    }

    /// The number of different texts, and how many of them have a label.
    pub fn texts(&self) -> (usize, usize) {
        let state = self.desk.state();
        let labelled = state.touched().into_iter().filter(|row| state.label_of(*row).is_some()).count();
        (self.desk.rows.len(), labelled)
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// The most texts that a sample takes from those that could be learned from.
fn largest_sample(rows: &Rows) -> usize {
    rows.len() / 4
}

/// How many texts that the log speaks of are there, and how many are not.
fn missing(rows: &Rows, events: &[Event]) -> (usize, usize) {
    let named: HashSet<&String> = events
        .iter()
        .filter(|event| matches!(event.action, Action::Label { .. }))
        .filter_map(|event| event.action.row())
        .collect();
    let there = named.iter().filter(|row| rows.find(row).is_some()).count();
    (there, named.len() - there)
}

/// Refuses a table with which no label would find its text: another one, or other columns.
fn check_same_texts(rows: &Rows, events: &[Event], folder: &Path) -> cloze::Result<()> {
    match missing(rows, events) {
        (0, gone) if gone > 0 => {
            let columns: Vec<String> = rows.columns.iter().map(|name| format!("`{name}`")).collect();
            Err(Error::usage(
                format!(
                    "none of the {gone} texts that were labelled in `{}` is there any more, with text in {}",
                    folder.display(),
                    columns.join(", ")
                ),
                "name the columns that had the text before with `--text`; or, for another table, another folder with `-o DIR`",
            ))
        }
        _ => Ok(()),
    }
}

/// What all requests share.
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) desk: Arc<Desk>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) trainer: Arc<Trainer>,
    pub(crate) sessions: Sessions,
    pub(crate) annotator: String,
    pub(crate) train_every: usize,
    /// Why the model may not suit the texts.
    pub(crate) doubt: Option<String>,
    queue: Mutex<Queue>,
    /// How many labels the last run that was started unasked has learned from.
    trained: AtomicUsize,
    /// Is told the address of the next browser once one has opened the last.
    pub(crate) opened: Box<dyn Fn(&str) + Send + Sync>,
}

impl Service {
    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// After every decision.
    fn changed(&self, edition: &AtomicUsize) {
        self.engine.hear();
        let state = self.desk.state();
        let now = state.edition as usize;
        if edition.swap(now, Ordering::Relaxed) != now {
            // A run with other labels than those of now would be of no use.
            self.trainer.cancel();
        }
        let count = state.lesson_count();
        let enough = state.given().into_iter().filter(|texts| *texts >= OF_LABEL).count();
        let last = self.trained.load(Ordering::Relaxed);
        let due = self.train_every > 0 && count >= last + self.train_every;
        let all = enough == state.labels.len() && enough >= 2;
        drop(state);
        if due && all && !self.trainer.is_running() {
            self.trained.store(count, Ordering::Relaxed);
            self.trainer.start();
        }
    }

    /// A text as the page shows it.
    pub(crate) fn shown(&self, annotator: &str, offer: Offer) -> Value {
        let (rows, state) = (&self.desk.rows, self.desk.state());
        let Offer { row, why } = offer;
        let marks = state.marks(row);
        let said = marks.and_then(|marks| marks.by.get(annotator)).map(|said| match said {
            crate::state::Said::Labels(labels) => json!(state.names(labels)),
            crate::state::Said::Skipped => json!("skipped"),
        });
        let blind = state.is_sample(row) || why == Why::Overlap;
        let suggestion = if blind { None } else { self.suggestion(&state, row) };
        json!({
            "row": rows.hash(row), "values": rows.texts[row].values, "copies": rows.texts[row].copies,
            "current": (why == Why::Chosen).then(|| state.label_of(row).map(|labels| state.names(labels))),
            "why": why, "sample": state.is_sample(row), "blind": blind, "said": said,
            "note": marks.map_or("", |marks| marks.note.as_str()), "suggestion": suggestion,
        })
    }

    /// The classifier of the last run, if it has learned from most of the labels and is no worse than the committee on the sample, as far as that was labelled.
    pub(crate) fn classifier(&self, state: &State) -> Option<Arc<Predicted>> {
        let predicted = self.trainer.predicted().filter(|found| {
            found.lessons * 3 >= state.lesson_count() * 2
                && found.labels.iter().eq(state.labels.iter().map(|label| &label.name))
        })?;
        let right = |said: HashMap<Row, Vec<usize>>| right(state, &said);
        let is_worse = state.measured().len() >= COMPARED
            && right(predicted.of_sample(state)) < right(self.committee(state));
        (!is_worse).then_some(predicted)
    }

    /// What the committee says of the sample.
    pub(crate) fn committee(&self, state: &State) -> HashMap<Row, Vec<usize>> {
        let of = |row: &Row| {
            let found = self.engine.suggestion(*row).filter(|found| found.edition == state.edition)?;
            Some((*row, found.opinion.labels()))
        };
        state.sample.iter().filter_map(of).collect()
    }

    /// What the models say about a text: the classifier of the last run, else the committee.
    pub(crate) fn suggestion(&self, state: &State, row: Row) -> Option<Value> {
        let name = |label: usize| state.labels.get(label).map(|label| label.name.clone());
        let of = |labels: Vec<String>, probabilities: Vec<(String, f32)>, model: String| json!({"labels": labels, "probabilities": probabilities, "model": model});
        if let Some(predicted) = self.classifier(state)
            && let (Some(labels), Some(probabilities)) = (predicted.best(row), predicted.rows.get(&row))
        {
            let pairs = predicted.labels.iter().cloned().zip(probabilities.iter().copied()).collect();
            return Some(of(labels, pairs, format!("classifier, {} labels", predicted.lessons)));
        }
        let found = self.engine.suggestion(row).filter(|found| found.edition == state.edition)?;
        let probabilities: Vec<(String, f32)> = found
            .opinion
            .probabilities
            .iter()
            .enumerate()
            .filter_map(|(label, p)| Some((name(label)?, *p)))
            .collect();
        let labels = found.opinion.labels().into_iter().filter_map(name).collect();
        let model = match found.lessons {
            0 => "the labels’ words".to_owned(),
            1 => "committee, 1 label".to_owned(),
            lessons => format!("committee, {lessons} labels"),
        };
        Some(of(labels, probabilities, model))
    }
}

/// A server that has its address and does not answer yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    sessions: Sessions,
    project: Project,
    model: Model,
    doubt: Option<String>,
    options: Options,
}

impl Server {
    /// Takes the address of `options`.
    ///
    /// # Errors
    /// When the address is not of this machine alone and nobody signs in, or it cannot be had.
    pub fn bind(project: Project, model: Model, options: &Options) -> cloze::Result<Server> {
        let listen = options.listen;
        options.check()?;
        let taken = |source: std::io::Error| {
            Error::usage(
                format!("{listen} cannot be listened on: {source}"),
                "choose another port with `--listen 127.0.0.1:PORT`, or port 0 for a free one",
            )
        };
        let listener = TcpListener::bind(listen).map_err(taken)?;
        listener.set_nonblocking(true).map_err(taken)?;
        let address = listener.local_addr().map_err(taken)?;
        let sessions = Sessions::new(address, options);
        let texts: Vec<&String> = project.desk.rows.texts.iter().flat_map(|text| &text.values).collect();
        let doubt = doubt(&texts, &model);
        Ok(Server { listener, address, sessions, project, model, doubt, options: options.clone() })
    }

    /// Why the model may not suit the texts, and what to do.
    pub fn doubt(&self) -> Option<&str> {
        self.doubt.as_deref()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address that opens the first browser, once; where people sign in, the address of the page.
    pub fn url(&self) -> String {
        self.sessions.url()
    }

    /// Serves the page until `stop` is done. `opened` is told the address of another browser once the last
    /// address was used.
    ///
    /// # Errors
    /// When the runtime or a thread cannot be started.
    pub fn run(
        self,
        stop: impl Future<Output = ()>,
        opened: impl Fn(&str) + Send + Sync + 'static,
    ) -> std::io::Result<()> {
        let Server { listener, sessions, project, model, doubt, options, .. } = self;
        let Project { name, folder, desk, inbox, log, events, task } = project;
        let patterns = task.as_ref().map(|task| task.patterns.clone()).filter(|own| !own.is_empty());
        let engine = Arc::new(Engine::new(Arc::clone(&desk)));
        engine.start(model.clone(), Device::new(options.threads), patterns);
        let trainer =
            Trainer::new(Arc::clone(&desk), folder.clone(), name.clone(), task, model, options.threads);
        let every = options.train_every;
        let trained = desk.state().lesson_count().checked_div(every).unwrap_or_default() * every;
        let service = Arc::new(Service {
            name,
            folder,
            queue: Mutex::new(Queue::new(&desk.rows)),
            engine: Arc::clone(&engine),
            trainer: Arc::new(trainer),
            sessions,
            annotator: options.annotator,
            train_every: every,
            doubt,
            trained: AtomicUsize::new(trained),
            opened: Box::new(opened),
            desk,
        });
        let writing = Arc::clone(&service);
        std::thread::Builder::new().name("writer".into()).spawn(move || {
            let edition = AtomicUsize::new(writing.desk.state().edition as usize);
            writing.desk.write(inbox, log, events, || writing.changed(&edition));
        })?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let router = routes::router(Arc::clone(&service));
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            tokio::select! {
                served = axum::serve(listener, router) => served,
                () = stop => Ok(()),
            }
        })?;
        service.trainer.cancel();
        engine.end();
        Ok(())
    }
}
