//! A library of patterns for each kind of task.

use crate::words::choice::spaced;

/// The kind of labels that a task has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The relation between two texts.
    Pair,
    /// Someone's opinion of something.
    Opinion,
    /// Someone's feeling.
    Feeling,
    /// The type of answer that a question asks for.
    Question,
    /// The topic of a text; also the fallback.
    Topic,
}

/// Label names that indicate the kind of task.
const ANSWERS: [&str; 10] = [
    "entailment",
    "contradiction",
    "neutral",
    "yes",
    "no",
    "true",
    "false",
    "same",
    "different",
    "paraphrase",
];
const OPINIONS: [&str; 12] = [
    "positive",
    "negative",
    "good",
    "bad",
    "pos",
    "neg",
    "very positive",
    "very negative",
    "mixed",
    "satisfied",
    "dissatisfied",
    "unsatisfied",
];
const FEELINGS: [&str; 14] = [
    "joy",
    "sadness",
    "anger",
    "fear",
    "love",
    "surprise",
    "disgust",
    "happiness",
    "happy",
    "sad",
    "angry",
    "excitement",
    "gratitude",
    "worry",
];

impl Kind {
    /// The kind of a task with this number of text columns and these labels; `questions` is the share of
    /// texts that end with a question mark.
    pub(crate) fn of<'a>(
        columns: usize,
        labels: impl Iterator<Item = &'a str> + Clone,
        questions: f64,
    ) -> Kind {
        let any = |words: &[&str]| labels.clone().any(|label| words.contains(&spaced(label).as_str()));
        if columns > 1 && any(&ANSWERS) {
            Kind::Pair
        } else if any(&OPINIONS) {
            Kind::Opinion
        } else if any(&FEELINGS) {
            Kind::Feeling
        } else if questions > 0.6 && labels.count() <= 20 {
            Kind::Question
        } else {
            Kind::Topic
        }
    }

    /// Patterns for these columns, starting with those that work well for most tasks.
    pub(crate) fn patterns(self, text: &[String]) -> Vec<String> {
        let fields =
            |names: &[String]| names.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(" ");
        let all = fields(text);
        if let (Kind::Pair, [first, others @ ..]) = (self, text) {
            let others = fields(others);
            return vec![
                format!("{{{first}|strip_punct}}? {{sep}}{{mask}}, {others}"),
                format!("\"{{{first}|strip_punct}}\"? {{sep}}{{mask}}. \"{others}\""),
                format!("{{{first}}} Question: {others} Answer: {{mask}}."),
                format!("{{{first}}} {{sep}}{others} Is that right? {{mask}}."),
            ];
        }
        let forms: &[&str] = match self {
            Kind::Opinion => &[
                "{all} It was {mask}.",
                "It is {mask}: {all}",
                "{all} All in all, it was {mask}.",
                "Just {mask}! {all}",
                "It was {mask}. {all}",
                "{all} A {mask} one.",
                "{all} In summary, it is {mask}.",
            ],
            Kind::Feeling => &[
                "{all} I feel {mask}.",
                "{mask}: {all}",
                "That makes me {mask}. {all}",
                "{all} I am so {mask}.",
                "{all} It was {mask}.",
                "[ Feeling: {mask} ] {all}",
            ],
            Kind::Question => &[
                "{all} The answer is a {mask}.",
                "{mask}: {all}",
                "[ Category: {mask} ] {all}",
                "{all} The topic is {mask}.",
                "{all} This is a {mask}.",
                "Question about {mask}: {all}",
            ],
            Kind::Topic | Kind::Pair => &[
                "{all} This is about {mask}.",
                "{mask}: {all}",
                "[ Category: {mask} ] {all}",
                "{all} The topic is {mask}.",
                "{mask} news: {all}",
                "( {mask} ) {all}",
                "{all} Subject: {mask}.",
                "{all} This is a {mask}.",
            ],
        };
        forms.iter().map(|form| form.replace("{all}", &all)).collect()
    }
}

/// Three patterns that ask whether a text belongs to the class described in the column `topic`.
pub(super) fn patterns_of_classes(text: &[String], topic: &str) -> Vec<String> {
    let all = text.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(" ");
    vec![
        format!("{all} Is this about {{{topic}}}? {{mask}}."),
        format!("Question: is this about {{{topic}}}? Answer: {{mask}}. {all}"),
        format!("{all} {{{topic}}}? {{mask}}!"),
    ]
}

/// The indices of the `wanted` patterns with the best `marks`, in their original order. At least one of them
/// has its mask before the text, and at least one after it.
pub(super) fn best(patterns: &[String], marks: &[f64], wanted: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..patterns.len()).collect();
    order.sort_by(|a, b| marks[*b].total_cmp(&marks[*a]).then(a.cmp(b)));
    let is_first = |&pattern: &usize| {
        let text = patterns[pattern].split("{mask}").next().unwrap_or_default();
        !text.contains('{')
    };
    let mut kept: Vec<usize> = order.iter().copied().take(wanted).collect();
    for wished in [true, false] {
        let missing = kept.len() > 1 && kept.iter().all(|pattern| is_first(pattern) != wished);
        if let (true, Some(&other)) = (missing, order.iter().find(|pattern| is_first(pattern) == wished)) {
            kept.pop();
            kept.push(other);
        }
    }
    kept.sort_unstable();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_rows_say_what_kind_a_task_is_of() {
        let kind = |columns, labels: &[&str], questions| Kind::of(columns, labels.iter().copied(), questions);
        assert_eq!(kind(2, &["entailment", "not_entailment"], 0.0), Kind::Pair);
        assert_eq!(kind(1, &["yes", "no"], 0.0), Kind::Topic);
        assert_eq!(kind(1, &["Negative", "Positive"], 0.0), Kind::Opinion);
        assert_eq!(kind(1, &["joy", "fear"], 0.0), Kind::Feeling);
        assert_eq!(kind(1, &["human", "number"], 0.9), Kind::Question);
        assert_eq!(kind(1, &["sports", "world"], 0.1), Kind::Topic);
    }

    #[test]
    fn the_best_patterns_ask_before_and_behind_the_text() {
        let patterns =
            ["{text} A {mask}.", "{text} B {mask}.", "{mask}: {text}", "{text} C {mask}."].map(String::from);
        assert_eq!(best(&patterns, &[0.9, 0.1, 0.2, 0.8], 2), [0, 2]);
        assert_eq!(best(&patterns, &[0.9, 0.1, 0.95, 0.8], 2), [0, 2]);
        assert_eq!(best(&patterns, &[0.9, 0.5, 0.1, 0.8], 9), [0, 1, 2, 3]);
        assert_eq!(best(&patterns, &[0.1, 0.5, 0.3, 0.8], 1), [3]);
    }
}
