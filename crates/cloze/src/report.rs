//! A run as a single page (`report.html`), and the model card of its classifier (`README.md`).
//!
//! The page includes its style and charts, loads nothing and runs no script. It fits phones as well as wide
//! screens, follows the reader's light or dark setting, and prints on white. Label names, texts and the
//! number of labels come from the user; whatever they are, the page is never wider than the window.

mod calibration;
mod chart;
mod confusion;
mod cost;
mod emissions;
mod figures;
mod front_matter;
mod making;
mod model_card;
mod page;
mod rows;

pub(crate) use chart::{Chart, Mark, Meaning};
pub(crate) use cost::Spent;
pub(crate) use emissions::emissions;
pub(crate) use figures::{counted, interval, percent, with_interval};
pub(crate) use front_matter::origin;
pub(crate) use model_card::model_card;

use crate::results::Results;
use crate::results::calibration::Calibration;
use crate::results::insight::Insight;
use crate::task::Task;

/// The page of a run, with details of individual examples and of the task if available; sections without
/// content are left out.
pub(crate) fn html(results: &Results, insight: Option<&Insight>, task: Option<&Task>) -> String {
    page::html(results, insight, task, Later::default())
}

/// What does not follow from the task of a run, and is known once it is finished.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Later<'r> {
    /// What was fitted to rows that people have checked.
    pub(crate) calibration: Option<&'r Calibration>,
    /// What the run has cost.
    pub(crate) spent: Option<Spent<'r>>,
}

/// The same for a finished run.
pub(crate) fn finished_html(
    results: &Results,
    insight: Option<&Insight>,
    task: Option<&Task>,
    later: Later,
) -> String {
    page::html(results, insight, task, later)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::dataset::DataSource;
    use crate::metrics::{Evaluation, Reliability};
    use crate::results::insight::{self, Answered, Used};
    use crate::results::{Disputed, FORMAT, Generation, ModelSource, Results, Stage, TrainingSet};
    use crate::task::Class;

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
            model: ModelSource { name: "m".into(), fingerprint: "f".into(), is_from_hub: false },
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
            classes: Vec::new(),
            labels,
        }
    }

    const FOREIGN: [&str; 7] = ["<script", "<img", "<b>up", "<b>good", "<i>", "<note>", "http"];

    fn answered(given: &str, right: &str) -> Answered {
        Answered {
            row: 3,
            file: "<img src=x>.csv".into(),
            line: Some(4),
            fields: BTreeMap::from([("text".into(), "<script>alert(2)</script>".into())]),
            words: vec![Used { column: "text".into(), start: 0, end: 7, contribution: -0.25 }],
            class: Some("<img>".into()),
            right: vec![right.into()],
            given: given.into(),
            confidence: 0.9,
        }
    }

    fn insight(job: &str) -> Insight {
        Insight {
            format: insight::FORMAT,
            job: job.into(),
            reliability: Reliability::new([(0.95, true), (0.95, false), (0.65, true), (0.65, true)]),
            errors: vec![answered("<b>good</b>", "<i>bad</i>")],
            uncertain: vec![answered("bad", "bad")],
        }
    }

    fn task() -> Task {
        let task = Task::parse(
            "task.toml",
            "format = 1\nname = 'a'\npatterns = ['{text} <i> {mask}.', { pattern = '{mask}: {text}', words = { x = '<img>', y = 'dull' } }]\n\
             [data]\ntrain = 'a.csv'\nlabel = 'label'\n[labels]\nx = ['<script>', 'great']\ny = 'awful'\n",
            Path::new("."),
        );
        task.unwrap()
    }

    fn page() -> String {
        html(&results(), Some(&insight("final")), Some(&task()))
    }

    #[test]
    fn nothing_from_the_user_becomes_markup() {
        let page = page();
        for foreign in FOREIGN {
            assert!(!page.contains(foreign), "{foreign} is in the page");
        }
        for shown in [
            "img src=x onerror=alert(1)",
            "script</mark>&#62;alert(2)",
            "img src=x&#62;.csv:4",
            "i&#62;bad&#60;/i",
        ] {
            assert!(page.contains(&format!("&#60;{shown}")), "{shown} is not in the page");
        }
        assert!(
            page.contains("title=\"-0.250\">&#60;script</mark>"),
            "the word has its contribution: {page}"
        );
    }

    #[test]
    fn every_step_is_drawn_with_its_interval() {
        let page = html(&results(), None, None);
        for step in [
            "pretrained model, pattern 0",
            "primed, pattern 0",
            "generation 0, pattern 0",
            "ensemble of generation 0",
            "fine-tuned, pattern 0",
            "<span class=\"title\" dir=\"auto\">ensemble of the fine-tuned</span>",
            "<li class=\"best\"><span class=\"title\" dir=\"auto\">distilled classifier</span>",
            "<span class=\"figures\">75.0 % (",
            "always predicting the most frequent label: 50.0 %",
        ] {
            assert!(page.contains(step), "{step} is missing");
        }
        assert!(!page.contains("measure = &#34;all&#34;"));
        // The bars of the headline, the seven steps, the legend and the two labels.
        assert_eq!(page.matches("<rect class=\"bar").count(), 1 + 7 + 1 + 2);
    }

    #[test]
    fn the_headline_says_how_good_the_outcome_is_and_what_would_be_reached_without_it() {
        let page = page();
        let headline = page.split("<nav>").next().unwrap();
        for part in [
            "<b>75.0 %</b>",
            "accuracy of the distilled classifier on 4 test rows",
            "95 % interval ",
            "<b>50.0 %</b>",
        ] {
            assert!(headline.contains(part), "{part}: {headline}");
        }
    }

    #[test]
    fn single_rows_are_told_of_the_outcome_only() {
        let sections = ["id=\"confidence\"", "id=\"errors\"", "id=\"uncertain\""];
        let page = page();
        let others = html(&results(), Some(&insight("g0/ensemble")), None);
        for section in sections {
            assert!(page.contains(section) && !others.contains(section), "{section}");
        }
        assert!(page.contains("<circle") && !others.contains("<circle"));
        assert!(page.contains("Over ten bins of confidence, the two differ by 40.0 % on average"), "{page}");
    }

    #[test]
    fn words_and_options_are_told_where_the_task_is_known() {
        let page = page();
        assert!(page.contains("<bdi class=\"word\">great</bdi>") && page.contains("in pattern 1"));
        assert!(page.contains("the task with every option") && page.contains("learning_rate = "));
        let unknown = html(&results(), None, None);
        assert!(!unknown.contains("<h3>Words</h3>") && !unknown.contains("<pre"));
    }

    #[test]
    fn generations_are_columns_for_labels_may_be_many() {
        let mut results = results();
        results.sets[0].labels.insert(results.labels[0].clone(), 7);
        let page = html(&results, None, None);
        assert!(page.contains("<th>generation</th><th class=\"n\">0</th><th class=\"n\">1</th>"));
        let row = "rows labelled <bdi>&#60;b&#62;good&#60;/b&#62;</bdi></td><td class=\"n\">0</td><td class=\"n\">7</td>";
        assert!(page.contains(row), "{page}");
    }

    #[test]
    fn every_table_has_a_frame_to_scroll_in() {
        let page = page();
        let tables: Vec<_> = page.match_indices("<table").collect();
        assert_eq!(tables.len(), 6);
        for (at, _) in tables {
            let frame = page[..at].rsplit('<').next().unwrap();
            assert!(frame.starts_with("div class=\"wide"), "a table stands in `{frame}`");
        }
    }

    #[test]
    fn drawings_have_no_fixed_width_and_figures_stand_beside_them() {
        let page = page();
        assert!(!page.contains("viewBox"));
        for text in page.split("<text ").skip(1) {
            let label = text.split('>').nth(1).unwrap();
            assert!(label.ends_with(" %</text"), "{text}");
        }
    }

    #[test]
    fn a_long_word_of_the_user_may_be_broken_anywhere() {
        let page = page();
        for breaking in ["td,th{", "code{", "dd{", "pre{", ".chart .title{", ".rows .text{"] {
            let rule = page.split(&format!("\n{breaking}")).nth(1).unwrap().split('}').next().unwrap();
            assert!(rule.contains("overflow-wrap:anywhere"), "{breaking}{rule}");
        }
    }

    #[test]
    fn a_word_from_right_to_left_does_not_turn_what_stands_beside_it() {
        let mut results = results();
        results.label_next[0].votes = BTreeMap::from([("חיובי".into(), 3), ("שלילי".into(), 2)]);
        results.label_next[0].fields = BTreeMap::from([("text".into(), "טקסט".into())]);
        let page = html(&results, None, None);
        assert!(
            page.contains("<bdi>חיובי</bdi> <b>3</b>") && page.contains("<bdi>שלילי</bdi> <b>2</b>"),
            "{page}"
        );
        assert!(page.contains("<p class=\"text\" dir=\"auto\">טקסט</p>"));
    }

    #[test]
    fn colours_are_given_once_for_light_and_dark_and_paper_is_always_light() {
        let page = page();
        assert!(page.contains("@media screen and (prefers-color-scheme:dark)"));
        assert!(page.contains("@media print"));
        for line in page.lines().filter(|line| !line.starts_with("--")) {
            let line = line.replace("&#", "");
            for colour in ["fill=\"#", "stroke=\"#", ":#", " #", "rgba("] {
                let heading = "<th class=\"n\">#</th>";
                let is_colour = line.replace(heading, "").contains(colour);
                assert!(!is_colour, "a colour that does not follow the reader's choice: {line}");
            }
        }
    }

    #[test]
    fn a_run_without_test_rows_says_that_nothing_is_known() {
        let mut results = results();
        let Results { zero_shot, primed, members, generations, .. } = &mut results;
        let before = generations.iter_mut().flat_map(|one| one.members.iter_mut().chain(&mut one.ensemble));
        for stage in zero_shot.iter_mut().chain(primed).chain(members).chain(before) {
            stage.test = None;
        }
        results.ensemble = None;
        results.distilled.as_mut().unwrap().test = None;
        let page = html(&results, None, None);
        assert!(page.contains("no labelled test rows"));
        assert!(!page.contains("id=\"accuracy\"") && !page.contains("id=\"labels\""));
        assert!(model_card(&results, None).contains("Not measured"));
    }

    #[test]
    fn where_rows_have_several_labels_page_and_card_tell_of_these() {
        let mut results = results();
        let class = |name: &str| Class { name: name.into(), text: format!("about <{name}>") };
        results.classes = vec![class("a"), class("b")];
        let names = ["a".to_owned(), "b".to_owned()];
        let stage = results.distilled.as_mut().unwrap();
        stage.test =
            stage.test.take().map(|test| test.with_classes(&names, None, &[0, 1, 1, 0], &[0, 1, 0, 0]));
        let (page, card) = (html(&results, None, None), model_card(&results, None));
        assert!(page.contains("2 labels, 2 labelled"), "{page}");
        assert!(page.contains("on 4 answers, one for each of 2 test rows and 2 labels"));
        assert!(page.contains("<td dir=\"auto\">a</td><td class=\"n\">1</td>"));
        assert!(card.contains("The labels are `a` (about <a>), `b` (about <b>)."), "{card}");
        assert!(card.contains("| b | 1 | 100.0 % |"), "{card}");
        assert!(card.contains("fine-tuned on 2 labelled"));
    }

    #[test]
    fn the_card_names_labels_and_figures() {
        let card = model_card(&results(), None);
        assert!(
            card.starts_with("---\npipeline_tag: text-classification\n") && card.ends_with(".\n"),
            "{card}"
        );
        assert!(
            card.contains("accuracy 75.0 %") && card.contains(" would reach 50.0 %.\n\n| label |"),
            "{card}"
        );
        assert!(card.contains("`bad & \"worse\"`"));
    }

    #[test]
    fn the_card_begins_with_what_the_hub_reads() {
        let mut results = results();
        let front = |results: &Results| model_card(results, None).split("---\n").nth(1).unwrap().to_owned();
        assert!(!front(&results).contains("base_model"));
        results.name = "it's \"so\": 1".into();
        results.model.name = "google-bert/bert-base-uncased".into();
        results.model.is_from_hub = true;
        let lines = front(&results);
        assert!(
            lines.contains("library_name: transformers\nbase_model: \"google-bert/bert-base-uncased\"\n"),
            "{lines}"
        );
        assert!(lines.contains("model-index:\n- name: \"it's \\\"so\\\": 1\"\n"), "{lines}");
        assert!(lines.contains("    - type: accuracy\n      value: 0.75\n"), "{lines}");
        results.distilled.as_mut().unwrap().test = None;
        assert!(!front(&results).contains("model-index"));
    }
}
