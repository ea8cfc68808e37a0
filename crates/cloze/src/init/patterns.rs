//! Patterns to begin with.

/// Four general patterns that fit what the labels seem to be about.
pub(super) fn patterns<'a>(text: &[String], labels: impl Iterator<Item = &'a str>) -> Vec<String> {
    let labels: Vec<String> = labels.map(str::to_lowercase).collect();
    let any = |words: &[&str]| labels.iter().any(|label| words.contains(&label.as_str()));
    let fields =
        |names: &[String]| names.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(" ");
    let all = fields(text);
    if let [first, others @ ..] = text
        && !others.is_empty()
        && any(&["entailment", "contradiction", "yes", "no", "true", "false"])
    {
        let others = fields(others);
        return vec![
            format!("{{{first}|strip_punct}}? {{sep}}{{mask}}, {others}"),
            format!("\"{{{first}|strip_punct}}\"? {{sep}}{{mask}}. \"{others}\""),
            format!("{{{first}}} Question: {others} Answer: {{mask}}."),
            format!("{{{first}}} {{sep}}{others} Is that right? {{mask}}."),
        ];
    }
    if any(&["positive", "negative", "good", "bad", "pos", "neg"]) {
        return vec![
            format!("{all} It was {{mask}}."),
            format!("{all} All in all, it was {{mask}}."),
            format!("Just {{mask}}! {all}"),
            format!("It is {{mask}}: {all}"),
        ];
    }
    vec![
        format!("{all} This is about {{mask}}."),
        format!("{{mask}}: {all}"),
        format!("[ Category: {{mask}} ] {all}"),
        format!("{all} The topic is {{mask}}."),
    ]
}

/// Three patterns that ask whether a text is about what the column `topic` says.
pub(super) fn patterns_of_topics(text: &[String], topic: &str) -> Vec<String> {
    let all = text.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(" ");
    vec![
        format!("{all} Is this about {{{topic}}}? {{mask}}."),
        format!("Question: is this about {{{topic}}}? Answer: {{mask}}. {all}"),
        format!("{all} {{{topic}}}? {{mask}}!"),
    ]
}
