//! The story of a run as one page (`report.html`) and the model card of its classifier (`README.md`).
//!
//! The page carries its style and drawings with it, loads nothing and runs no script. It fits a phone as well as a wide screen,
//! follows the reader's choice of light or dark, and prints on white: names, texts and numbers of labels are the user's, and
//! whatever they are, the page is not wider than the window.

mod chart;
mod confusion;
mod figures;
mod markup;
mod model_card;
mod page;

pub(crate) use chart::{Chart, Mark, legend};
pub(crate) use figures::percent;
pub(crate) use markup::{Column, escape, opening, pattern, table, user};
pub use model_card::model_card;
pub use page::html;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::dataset::DataSource;
    use crate::metrics::Evaluation;
    use crate::results::{Disputed, FORMAT, Generation, ModelSource, Results, Stage, TrainingSet};
    use crate::task::Topic;

    fn stage(job: &str, pattern: Option<usize>, labels: &[String]) -> Stage {
        let test = Some(Evaluation::new(labels, &[0, 1, 1, 0], &[0, 1, 0, 0]));
        Stage {
            job: job.into(),
            pattern,
            seed: pattern.map(|_| 0),
            weight: None,
            examples: None,
            train_accuracy: Some(0.5),
            test,
        }
    }

    fn results() -> Results {
        let labels = vec!["<b>good</b>".to_owned(), "bad & \"worse\"".to_owned()];
        Results {
            format: FORMAT,
            name: "<script>alert(1)</script>".into(),
            id: "0123".into(),
            version: "0.1.0".into(),
            method: "pet".into(),
            patterns: vec!["{text} <i> {mask}.".into()],
            model: ModelSource { name: "m".into(), fingerprint: "f".into() },
            data: BTreeMap::from([("train".into(), DataSource { rows: 4, fingerprint: "f".into() })]),
            zero_shot: vec![stage("zero-shot/p0", Some(0), &labels)],
            zero_shot_together: None,
            probe: None,
            primed: vec![stage("primed/p0-s0", Some(0), &labels)],
            primed_together: None,
            generations: vec![Generation {
                sets: Vec::new(),
                members: vec![stage("g0/p0-s0", Some(0), &labels)],
                ensemble: Some(stage("g0/ensemble", None, &labels)),
                agreement: Some(0.5),
            }],
            sets: vec![TrainingSet {
                member: "g1/p0-s0".into(),
                teachers: vec!["g0/p0-s0".into()],
                labels: BTreeMap::from([("<b>up".to_owned(), 7), ("down".to_owned(), 5)]),
            }],
            members: vec![stage("g1/p0-s0", Some(0), &labels)],
            ensemble: Some(stage("g1/ensemble", None, &labels)),
            distilled: Some(stage("final", None, &labels)),
            supervised: None,
            agreement: Some(0.75),
            label_next: vec![Disputed {
                row: 7,
                fields: BTreeMap::from([("text".into(), "<img src=x onerror=alert(1)>".into())]),
                votes: BTreeMap::from([(labels[0].clone(), 1)]),
                ..Disputed::default()
            }],
            notes: vec!["a <note>".into()],
            topics: Vec::new(),
            labels,
        }
    }

    #[test]
    fn nothing_from_the_user_becomes_markup() {
        let page = html(&results());
        for foreign in ["<script", "<img", "<b>", "<i>", "<note>", "http"] {
            assert!(!page.contains(foreign), "{foreign} is in the page");
        }
        assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;"));
    }

    #[test]
    fn every_step_is_drawn_with_its_interval() {
        let page = html(&results());
        for step in [
            "untouched model, pattern 0",
            "primed, pattern 0, seed 0",
            "ensemble of generation 0",
            "fine-tuned, pattern 0, seed 0",
            "<span class=\"title\" dir=\"auto\">ensemble</span>",
            "distilled classifier",
            "<span class=\"figures\">75.0 % (",
            "always giving the most frequent label: 50.0 %",
        ] {
            assert!(page.contains(step), "{step} is missing");
        }
        // And one in the legend.
        assert_eq!(page.matches("<rect").count(), 6 + 1);
    }

    #[test]
    fn generations_are_columns_for_labels_may_be_many() {
        let mut results = results();
        results.sets[0].labels.insert(results.labels[0].clone(), 7);
        let page = html(&results);
        assert!(page.contains(
            "<th><bdi>generation</bdi></th><th class=\"n\"><bdi>0</bdi></th><th class=\"n\"><bdi>1</bdi></th>"
        ));
        let row = "rows labelled <bdi>&lt;b&gt;good&lt;/b&gt;</bdi></td><td class=\"n\">0</td><td class=\"n\">7</td>";
        assert!(page.contains(row), "{page}");
    }

    #[test]
    fn every_table_has_a_frame_to_scroll_in() {
        let page = html(&results());
        let tables: Vec<_> = page.match_indices("<table").collect();
        assert_eq!(tables.len(), 5);
        assert_eq!(page.matches("How it was made").count(), 1);
        for (at, _) in tables {
            let frame = page[..at].rsplit('<').next().unwrap();
            assert!(frame.starts_with("div class=\"wide"), "a table stands in `{frame}`");
        }
    }

    #[test]
    fn drawings_have_no_fixed_width_and_figures_stand_beside_them() {
        let page = html(&results());
        assert!(!page.contains("viewBox"));
        for drawing in page.split("<svg aria-hidden=\"true\">").skip(1) {
            let drawing = drawing.split("</span>").next().unwrap();
            assert!(!drawing.contains("<text"), "{drawing}");
        }
        for text in page.split("<text ").skip(1) {
            assert!(text.split('"').nth(1).unwrap().ends_with('%'), "{text}");
        }
    }

    #[test]
    fn a_long_word_of_the_user_may_be_broken_anywhere() {
        let page = html(&results());
        for breaking in ["td,th{", "code{", "dd{", ".chart .title{"] {
            let rule = page.split(breaking).nth(1).unwrap().split('}').next().unwrap();
            assert!(rule.contains("overflow-wrap:anywhere"), "{breaking}{rule}");
        }
    }

    #[test]
    fn a_word_from_right_to_left_does_not_turn_what_stands_beside_it() {
        let mut results = results();
        results.label_next[0].votes = BTreeMap::from([("חיובי".into(), 3), ("שלילי".into(), 2)]);
        results.label_next[0].fields = BTreeMap::from([("text".into(), "טקסט".into())]);
        let page = html(&results);
        assert!(page.contains("<bdi>חיובי</bdi> 3, <bdi>שלילי</bdi> 2"));
        assert!(page.contains("<td dir=\"auto\">טקסט</td>"));
    }

    #[test]
    fn colours_are_given_once_for_light_and_dark_and_paper_is_always_light() {
        let page = html(&results());
        assert!(page.contains("@media screen and (prefers-color-scheme:dark)"));
        assert!(page.contains("@media print"));
        for line in page.lines().filter(|line| !line.starts_with("--")) {
            for colour in ["fill=\"#", "stroke=\"#", ":#", " #", "rgba("] {
                assert!(!line.contains(colour), "a colour that does not follow the reader's choice: {line}");
            }
        }
    }

    #[test]
    fn a_run_without_test_rows_says_that_nothing_is_known() {
        let mut results = results();
        let Results { zero_shot, primed, members, .. } = &mut results;
        for stage in zero_shot.iter_mut().chain(primed).chain(members) {
            stage.test = None;
        }
        results.ensemble = None;
        results.distilled.as_mut().unwrap().test = None;
        assert!(html(&results).contains("no labelled test rows"));
        assert!(model_card(&results).contains("It was not measured"));
    }

    #[test]
    fn where_rows_have_several_labels_page_and_card_tell_of_these() {
        let mut results = results();
        let topic = |name: &str| Topic { name: name.into(), text: format!("about <{name}>") };
        results.topics = vec![topic("a"), topic("b")];
        let names = ["a".to_owned(), "b".to_owned()];
        let stage = results.distilled.as_mut().unwrap();
        stage.test =
            stage.test.take().map(|test| test.with_topics(&names, None, &[0, 1, 1, 0], &[0, 1, 0, 0]));
        let (page, card) = (html(&results), model_card(&results));
        assert!(page.contains("2 labels, 2 labelled"), "{page}");
        assert!(page.contains("of 4 answers are right"));
        assert!(page.contains("<bdi>a</bdi></td><td class=\"n\">1</td>"));
        assert!(card.contains("The labels are `a` (about <a>), `b` (about <b>)."), "{card}");
        assert!(card.contains("| b | 1 | 100.0 % |"), "{card}");
        assert!(card.contains("fine-tuned on 2 labelled"));
    }

    #[test]
    fn the_card_names_labels_and_figures() {
        let card = model_card(&results());
        assert!(card.contains("accuracy 75.0 %"), "{card}");
        assert!(card.contains("`bad & \"worse\"`"));
    }
}
