//! The state and the log together: a single writer takes decisions, and answers once they are on the disk.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::oneshot;

use crate::log::{Action, Event, Log, now, standing};
use crate::rows::{Row, Rows};
use crate::state::{Refused, State};

/// What a decision led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Done {
    /// The number of its event.
    pub(crate) seq: u64,
    /// The text that it was about.
    pub(crate) row: Option<Row>,
}

/// Why a decision was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotDone {
    /// It makes no sense.
    Refused(String),
    /// The log cannot be written.
    Unsaved(String),
}

impl From<Refused> for NotDone {
    fn from(Refused(why): Refused) -> NotDone {
        NotDone::Refused(why)
    }
}

/// What a person wants.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Wish {
    /// Take a decision.
    Act(Action),
    /// Undo the last decision of the annotator that still stands.
    Undo,
}

struct Order {
    annotator: String,
    wish: Wish,
    answer: oneshot::Sender<Result<Done, NotDone>>,
}

/// Where decisions are taken.
pub(crate) struct Desk {
    pub(crate) rows: Rows,
    /// The state before any event.
    first: State,
    state: RwLock<State>,
    orders: Sender<Order>,
}

impl Desk {
    /// Goes through what is in the log; [`Desk::write`] takes new decisions.
    pub(crate) fn new(rows: Rows, first: State, events: &[Event]) -> (Desk, Inbox) {
        let state = RwLock::new(first.clone().replayed(&rows, events));
        let (orders, inbox) = channel();
        (Desk { rows, first, state, orders }, Inbox(inbox))
    }

    /// The state as it is.
    pub(crate) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a decision, and returns once it is on the disk.
    pub(crate) async fn decide(&self, annotator: &str, wish: Wish) -> Result<Done, NotDone> {
        let (answer, answered) = oneshot::channel();
        let gone = || NotDone::Unsaved("the writer of the log has stopped".into());
        let order = Order { annotator: annotator.to_owned(), wish, answer };
        self.orders.send(order).map_err(|_| gone())?;
        answered.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Takes decisions until nobody can send any more: all that wait at once, with one wait for the disk.
    pub(crate) fn write(&self, inbox: Inbox, mut log: Log, mut events: Vec<Event>, changed: impl Fn()) {
        while let Ok(first) = inbox.0.recv() {
            let orders: Vec<Order> = std::iter::once(first).chain(inbox.0.try_iter()).collect();
            let known = events.len();
            let mut state = self.change();
            let mut results: Vec<(oneshot::Sender<_>, Result<Done, NotDone>)> = Vec::new();
            for Order { annotator, wish, answer } in orders {
                let done = self.take(&mut state, &mut events, annotator, wish);
                results.push((answer, done));
            }
            drop(state);
            if let Err(error) = log.append(&events[known..]) {
                events.truncate(known);
                // For a moment it was seen before it was sure.
                *self.change() = self.first.clone().replayed(&self.rows, &events);
                let why = format!("{} cannot be written: {error}", log.path().display());
                for (answer, done) in results {
                    let _ = answer.send(done.and(Err(NotDone::Unsaved(why.clone()))));
                }
                continue;
            }
            if events.len() > known {
                changed();
            }
            for (answer, done) in results {
                let _ = answer.send(done);
            }
        }
    }

    fn take(
        &self,
        state: &mut State,
        events: &mut Vec<Event>,
        annotator: String,
        wish: Wish,
    ) -> Result<Done, NotDone> {
        let seq = events.len() as u64 + 1;
        let event = |action| Event { seq, time: now(), annotator: annotator.clone(), action };
        match wish {
            Wish::Act(action) => {
                state.check(&self.rows, &action)?;
                let row = action.row().and_then(|row| self.rows.find(row));
                let event = event(action);
                state.apply(&self.rows, &event);
                events.push(event);
                Ok(Done { seq, row })
            }
            Wish::Undo => {
                let own = |event: &&Event| {
                    event.annotator == annotator && !matches!(event.action, Action::Sample { .. })
                };
                let last = standing(events).filter(own).last().cloned();
                let last = last.ok_or_else(|| Refused("there is nothing to undo".into()))?;
                if let Action::AddLabel { label, .. } = &last.action {
                    state.check(&self.rows, &Action::RemoveLabel { label: label.clone() })?;
                }
                let row = last.action.row().and_then(|row| self.rows.find(row));
                events.push(event(Action::Undo { undoes: last.seq }));
                *state = self.first.clone().replayed(&self.rows, events);
                state.edition += seq;
                Ok(Done { seq, row })
            }
        }
    }
}

/// Where decisions wait for the writer.
pub(crate) struct Inbox(Receiver<Order>);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::rows::tests::rows;
    use crate::state::Label;

    fn desk(folder: &std::path::Path) -> Arc<Desk> {
        let (log, events) = Log::open(folder).unwrap();
        let labels = ["a", "b"].map(|name| Label { name: name.into(), words: String::new() }).to_vec();
        let rows = rows(&[("one", &[]), ("two", &[])]);
        let first = State::new(&rows, labels, false);
        let (desk, inbox) = Desk::new(rows, first, &events);
        let desk = Arc::new(desk);
        let writer = Arc::clone(&desk);
        std::thread::spawn(move || writer.write(inbox, log, events, || {}));
        desk
    }

    fn label(desk: &Desk, row: Row, label: &str) -> Wish {
        let (row, labels) = (desk.rows.hash(row), vec![label.to_owned()]);
        Wish::Act(Action::Label { row, labels, suggested: None, model: None, blind: false })
    }

    #[tokio::test]
    async fn decisions_of_many_at_once_are_all_taken_and_numbered() {
        let dir = tempfile::tempdir().unwrap();
        let desk = desk(dir.path());
        let all = (0..50).map(|number| {
            let desk = Arc::clone(&desk);
            tokio::spawn(async move {
                let wish = label(&desk, number % 2, if number % 3 == 0 { "a" } else { "b" });
                desk.decide(&format!("p{number}"), wish).await.unwrap().seq
            })
        });
        let mut seqs = Vec::new();
        for task in all.collect::<Vec<_>>() {
            seqs.push(task.await.unwrap());
        }
        seqs.sort_unstable();
        assert_eq!(seqs, (1..=50).collect::<Vec<u64>>());
        let text = std::fs::read_to_string(dir.path().join(crate::log::FILE)).unwrap();
        assert_eq!(text.lines().count(), 50);
        assert_eq!(desk.state().annotators().len(), 50);
    }

    #[tokio::test]
    async fn undo_goes_back_one_decision_at_a_time_of_the_one_who_asks() {
        let dir = tempfile::tempdir().unwrap();
        let desk = desk(dir.path());
        for (annotator, row, name) in [("ann", 0, "a"), ("ann", 1, "a"), ("bob", 1, "b")] {
            desk.decide(annotator, label(&desk, row, name)).await.unwrap();
        }
        assert_eq!(desk.decide("ann", Wish::Undo).await.unwrap().row, Some(1));
        assert!(!desk.state().has_said(1, "ann") && desk.state().has_said(1, "bob"));
        assert_eq!(desk.decide("ann", Wish::Undo).await.unwrap().row, Some(0));
        let nothing = desk.decide("ann", Wish::Undo).await;
        assert_eq!(nothing, Err(NotDone::Refused("there is nothing to undo".into())));
        let add = Action::AddLabel { label: "c".into(), words: String::new() };
        desk.decide("ann", Wish::Act(add)).await.unwrap();
        desk.decide("bob", label(&desk, 0, "c")).await.unwrap();
        assert!(matches!(desk.decide("ann", Wish::Undo).await, Err(NotDone::Refused(_))));
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_told_and_counts_for_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let rows = rows(&[("one", &[])]);
        let labels = vec![Label { name: "a".into(), words: String::new() }];
        let first = State::new(&rows, labels, false);
        let (desk, inbox) = Desk::new(rows, first, &[]);
        let desk = Arc::new(desk);
        let (mut log, events) = Log::open(dir.path()).unwrap();
        log.make_read_only();
        let writer = Arc::clone(&desk);
        std::thread::spawn(move || writer.write(inbox, log, events, || {}));
        let failed = desk.decide("ann", label(&desk, 0, "a")).await;
        assert!(matches!(failed, Err(NotDone::Unsaved(_))), "{failed:?}");
        assert_eq!(desk.state().label_of(0), None);
    }
}
