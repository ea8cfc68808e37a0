//! Which text an annotator gets next.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use cloze::labelling::Order;
use serde::{Deserialize, Serialize};

use crate::engine::Opinions;
use crate::guard::Session;
use crate::rows::{Row, Rows};
use crate::state::State;

/// How long a text on somebody's screen is kept from others.
const LEASE: Duration = Duration::from_secs(300);

/// One text in so many is drawn at random, so that what is learned does not hang on what was believed before.
const RANDOM: usize = 5;

/// One text in so many belongs to the sample, until all of it is labelled.
const SAMPLE: usize = 3;

/// One text in so many has been labelled by somebody else, if several people label.
const OVERLAP: usize = 10;

/// What the page asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Wanted {
    /// Where the committee disagrees.
    Disagreement,
    /// Where the decision is close.
    #[default]
    Uncertainty,
    /// Any text.
    Random,
    /// Texts that probably have this label.
    Label(String),
    /// Texts with these words.
    Search(String),
}

/// Why a text is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Why {
    /// It belongs to the sample that accuracy is measured on.
    Sample,
    /// Somebody else has labelled it too, so that people can be compared.
    Overlap,
    /// It was drawn at random.
    Random,
    /// The members of the committee disagree.
    Disagreement,
    /// The decision is close.
    Uncertainty,
    /// It probably has the label that was asked for.
    Label,
    /// It has the words that were searched for.
    Search,
    /// It was asked for by name.
    Chosen,
}

/// What a browser asks for.
pub(crate) struct Asked<'a> {
    pub(crate) session: &'a Session,
    pub(crate) wanted: &'a Wanted,
    /// Texts that its page has already.
    pub(crate) ahead: &'a [Row],
}

/// A text for an annotator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) row: Row,
    pub(crate) why: Why,
}

/// Texts in the order in which they are drawn, and those that are on screens.
pub(crate) struct Queue {
    /// All texts in random order.
    order: Vec<Row>,
    /// How many at its beginning have been said something of.
    done: usize,
    /// Texts on screens, each with the browser and until when.
    leases: HashMap<Row, (String, Instant)>,
    /// How many texts each annotator was offered.
    offered: HashMap<String, usize>,
}

impl Queue {
    pub(crate) fn new(rows: &Rows) -> Queue {
        Queue { order: rows.shuffled(), done: 0, leases: HashMap::new(), offered: HashMap::new() }
    }

    /// The next text for a browser, which no other gets for a while; `None` if there is none left.
    pub(crate) fn next(
        &mut self,
        rows: &Rows,
        state: &State,
        opinions: &Opinions,
        asked: &Asked,
    ) -> Option<Offer> {
        let now = Instant::now();
        self.leases.retain(|_, (_, until)| *until > now);
        let number =
            *self.offered.entry(asked.session.annotator.clone()).and_modify(|count| *count += 1).or_insert(1);
        let offer = self.choose(rows, state, opinions, asked, number)?;
        self.lease(offer.row, asked.session);
        Some(offer)
    }

    /// Keeps a text from other browsers for a while.
    pub(crate) fn lease(&mut self, row: Row, session: &Session) {
        self.leases.insert(row, (session.cookie.clone(), Instant::now() + LEASE));
    }

    /// Gives back all that a browser holds: it begins anew.
    pub(crate) fn release_all(&mut self, session: &Session) {
        self.leases.retain(|_, (by, _)| *by != session.cookie);
    }

    /// Gives a text back.
    pub(crate) fn release(&mut self, row: Row, session: &Session) {
        if self.leases.get(&row).is_some_and(|(by, _)| *by == session.cookie) {
            self.leases.remove(&row);
        }
    }

    fn choose(
        &mut self,
        rows: &Rows,
        state: &State,
        opinions: &Opinions,
        asked: &Asked,
        number: usize,
    ) -> Option<Offer> {
        let Asked { session, wanted, ahead } = *asked;
        // What this browser holds, it has on its way.
        let is_free = |row: &Row| !ahead.contains(row) && !self.leases.contains_key(row);
        let is_new = |row: &Row| !state.is_touched(*row) && is_free(row);
        let offer = |why: Why| move |row: Row| Offer { row, why };
        let words = match wanted {
            Wanted::Search(words) => Some(Words::new(words)),
            _ => None,
        };
        if words.is_none()
            && number.is_multiple_of(SAMPLE)
            && let Some(row) = state.sample.iter().find(|row| is_new(row))
        {
            return Some(Offer { row: *row, why: Why::Sample });
        }
        if words.is_none() && number.is_multiple_of(OVERLAP) {
            let by_another = |row: &Row| {
                let marks = state.marks(*row);
                let people = marks.map_or(0, |marks| marks.people().count());
                people == 1 && !state.has_said(*row, &session.annotator) && is_free(row)
            };
            let touched = state.touched();
            // Any of them, but the same for the same number.
            let from = number * 7919 % touched.len().max(1);
            let found = touched.iter().cycle().skip(from).take(touched.len()).find(|row| by_another(row));
            if let Some(row) = found {
                return Some(Offer { row: *row, why: Why::Overlap });
            }
        }
        while self.order.get(self.done).is_some_and(|row| state.is_touched(*row)) {
            self.done += 1;
        }
        let rest = &self.order[self.done..];
        let fits = |row: &Row| !state.is_sample(*row) && is_new(row);
        if let Some(words) = words {
            return rest
                .iter()
                .copied()
                .find(|row| fits(row) && words.are_in(&rows.texts[*row].values))
                .map(offer(Why::Search));
        }
        let order = match wanted {
            Wanted::Label(label) => state.find(label).map(|label| (Order::Label(label), Why::Label)),
            Wanted::Uncertainty => Some((Order::Uncertainty, Why::Uncertainty)),
            Wanted::Disagreement => Some((Order::Disagreement, Why::Disagreement)),
            Wanted::Random | Wanted::Search(_) => None,
        };
        let is_random = number.is_multiple_of(RANDOM) && !matches!(wanted, Wanted::Label(_));
        if let (Some((order, why)), false) = (order, is_random) {
            let worth = opinions.iter().filter(|(row, _)| fits(row));
            let given = state.given();
            let best = worth
                .map(|(row, opinion)| (*row, order.worth(opinion, &given)))
                .max_by(|(_, a), (_, b)| a.total_cmp(b));
            if let Some((row, _)) = best {
                return Some(Offer { row, why });
            }
        }
        let random = rest.iter().copied().find(fits).map(offer(Why::Random));
        // At the very end what is left of the sample.
        random.or_else(|| state.sample.iter().copied().find(is_new).map(offer(Why::Sample)))
    }
}

/// Words that are looked for.
pub(crate) struct Words(Vec<String>);

impl Words {
    pub(crate) fn new(text: &str) -> Words {
        Words(text.to_lowercase().split_whitespace().map(str::to_owned).collect())
    }

    /// Whether every word is somewhere in a text.
    pub(crate) fn are_in(&self, values: &[String]) -> bool {
        let lower: Vec<String> = values.iter().map(|value| value.to_lowercase()).collect();
        self.0.iter().all(|word| lower.iter().any(|value| value.contains(word)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Action, Event};
    use crate::rows::tests::rows;
    use crate::state::Label;

    fn session(name: &str) -> Session {
        Session { cookie: format!("cookie of {name}"), annotator: name.to_owned(), assumed: false }
    }

    fn next(
        queue: &mut Queue,
        rows: &Rows,
        state: &State,
        session: &Session,
        wanted: &Wanted,
        ahead: &[Row],
    ) -> Option<Offer> {
        queue.next(rows, state, &Opinions::default(), &Asked { session, wanted, ahead })
    }

    fn some(count: usize) -> Rows {
        let texts: Vec<String> = (0..count).map(|number| format!("text number {number}")).collect();
        let texts: Vec<(&str, &[&str])> = texts.iter().map(|text| (text.as_str(), &[][..])).collect();
        rows(&texts)
    }

    fn state(rows: &Rows, events: &[(&str, Row)], sample: &[Row]) -> State {
        let labels = vec![Label { name: "a".into(), words: String::new() }];
        let draw = Action::Sample { rows: sample.iter().map(|row| rows.hash(*row)).collect() };
        let label = |(annotator, row): &(&str, Row)| {
            let labels = vec!["a".into()];
            let action =
                Action::Label { row: rows.hash(*row), labels, suggested: None, model: None, blind: true };
            Event { seq: 0, time: 0.0, annotator: (*annotator).into(), action }
        };
        let mut state = State::new(rows, labels, false);
        state.apply(rows, &Event { seq: 0, time: 0.0, annotator: "x".into(), action: draw });
        events.iter().for_each(|event| state.apply(rows, &label(event)));
        state
    }

    #[test]
    fn nobody_gets_what_is_on_another_screen_or_done() {
        let rows = some(40);
        let state = state(&rows, &[("ann", 0), ("ann", 1)], &[2, 3]);
        let mut queue = Queue::new(&rows);
        let mut seen = Vec::new();
        for number in 0..38 {
            let who = session(if number % 2 == 0 { "ann" } else { "bob" });
            let ahead: Vec<Row> = seen.clone();
            let offer = next(&mut queue, &rows, &state, &who, &Wanted::Disagreement, &ahead).unwrap();
            if offer.why != Why::Overlap {
                assert!(!seen.contains(&offer.row) && offer.row > 1, "{offer:?}");
            }
            seen.push(offer.row);
        }
        let sample: Vec<Row> = seen.iter().copied().filter(|row| [2, 3].contains(row)).collect();
        assert_eq!(sample.len(), 2);
    }

    #[test]
    fn with_two_people_some_texts_are_labelled_twice() {
        let rows = some(100);
        let done: Vec<(&str, Row)> = (0..30).map(|row| ("ann", row)).collect();
        let state = state(&rows, &done, &[]);
        let mut queue = Queue::new(&rows);
        let mut another = || next(&mut queue, &rows, &state, &session("bob"), &Wanted::Random, &[]).unwrap();
        let whys: Vec<Why> = (0..20).map(|_| another().why).collect();
        assert_eq!(whys.iter().filter(|why| **why == Why::Overlap).count(), 2);
    }

    #[test]
    fn words_are_found_whatever_their_case_in_any_column() {
        let words = Words::new("Broken  phone");
        assert!(words.are_in(&["My PHONE".into(), "is broken".into()]));
        assert!(!words.are_in(&["My phone".into()]));
        assert!(Words::new("").are_in(&["x".into()]));
    }

    #[test]
    fn what_is_searched_for_is_all_that_comes() {
        let rows = some(30);
        let state = state(&rows, &[], &[]);
        let mut queue = Queue::new(&rows);
        let wanted = Wanted::Search("number 17".into());
        assert_eq!(
            next(&mut queue, &rows, &state, &session("ann"), &wanted, &[]),
            Some(Offer { row: 17, why: Why::Search })
        );
        assert_eq!(next(&mut queue, &rows, &state, &session("ann"), &wanted, &[17]), None);
    }
}
