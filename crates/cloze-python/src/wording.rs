//! Remedies for who calls functions: the library's speak of the command, its options and a task file.

/// Sentences about the command, and what they are for a program.
const SENTENCES: [(&str, &str); 4] = [
    ("run the same command again", "do the same again"),
    ("in the task file", "in the task file or its `options`"),
    ("with the run's task file", "with the run's task"),
    ("with the options it was run with", "with the same options"),
];

/// A remedy with the functions and parameters of the package in place of commands and their options.
pub(crate) fn for_python(remedy: &str) -> String {
    let sentences =
        |text: &str| SENTENCES.iter().fold(text.to_owned(), |text, (of, is)| text.replace(of, is));
    // What stands between backticks is every second part.
    let parts = remedy.split('`').enumerate().map(|(at, part)| match at % 2 {
        0 => part.to_owned(),
        _ => called(part).unwrap_or_else(|| part.to_owned()),
    });
    sentences(&parts.collect::<Vec<_>>().join("`"))
}

/// How a piece of a command line is said in Python, if it can be.
fn called(code: &str) -> Option<String> {
    if let Some(rest) = code.strip_prefix("cloze ") {
        let (verb, arguments) = rest.split_once(' ').unwrap_or((rest, ""));
        let call = match verb {
            "train" if arguments.is_empty() => "cloze.train",
            "train" => return Some(format!("cloze.train({arguments:?})")),
            "init" => "cloze.Task.draft(texts, labels)",
            "check" => "task.check()",
            "eval" => "run.evaluate(texts, labels)",
            "calibrate" if arguments.ends_with("--remove") => "run.uncalibrate()",
            "calibrate" => "run.calibrate(texts, labels)",
            _ => return None,
        };
        return Some(call.to_owned());
    }
    let rest = code.strip_prefix("--")?;
    let (option, value) = rest.split_once(' ').unwrap_or((rest, ""));
    let parameter = match option {
        "text" => "text_columns",
        "label" | "model" | "preset" | "threads" | "precision" => option,
        _ => return None,
    };
    // `--model DIR` stands for any value.
    let is_given = value.chars().any(char::is_lowercase);
    Some(if is_given { format!("{parameter}={value:?}") } else { format!("{parameter}=") })
}
