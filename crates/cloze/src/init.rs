//! A first task file from labelled rows, for people to read and change.

use std::collections::HashSet;
use std::fmt::Write;
use std::path::Path;

use cloze_encoder::Tokenizer;

use crate::error::list;
use crate::pattern::Pattern;
use crate::table::Table;
use crate::task::{Task, quoted};
use crate::{Error, Place, Result};

/// More labels than this are more likely text or numbers.
const MOST_LABELS: usize = 150;

/// What is to be drafted.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The task's name.
    pub name: &'a str,
    /// The file with the labelled rows as the task file should name it.
    pub train: &'a str,
    /// The column with the labels.
    pub label: &'a str,
    /// The columns with text; found out if empty.
    pub text: &'a [String],
    /// A file with unlabelled rows, if one is known.
    pub unlabeled: Option<&'a str>,
    /// A file with rows to evaluate on, if one is known.
    pub test: Option<&'a str>,
}

/// A task file that has not been written yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The task file. It can be read, see [`Task::parse`].
    pub toml: String,
    /// The text columns that its patterns use.
    pub text: Vec<String>,
    /// The labels with their numbers of rows, the most frequent first.
    pub labels: Vec<(String, usize)>,
    /// Labels whose word should be looked at, because the vocabulary does not have their name.
    pub doubtful: Vec<String>,
}

/// Drafts a task file for the rows of `table`.
///
/// # Errors
/// When a column is missing, the label column has one value only or hardly any twice, or no column holds text.
pub fn draft(table: &Table, request: &Request, tokenizer: &Tokenizer) -> Result<Draft> {
    let label = table.columns.require(request.label)?;
    let (labels, unlabelled) = count_labels(table, label)?;
    let text = text_columns(table, label, request.text)?;
    let unlabeled = request.unlabeled.or((unlabelled > 0).then_some(request.train));

    let mut doubtful = Vec::new();
    let mut taken = HashSet::new();
    let mut words: Vec<(String, bool)> = Vec::new();
    for (number, (name, _)) in labels.iter().enumerate() {
        let (mut word, sure) = label_word(name, tokenizer, &mut taken);
        if word.is_empty() || words.iter().any(|(other, _)| *other == word) {
            word = format!("word {}", number + 1);
        }
        words.push((word, sure));
    }

    let mut toml = String::new();
    // Writing to a string cannot fail.
    let mut line = |text: std::fmt::Arguments| _ = writeln!(toml, "{text}");
    line(format_args!("# A task for cloze, drafted from {} labelled rows.", table.rows.len() - unlabelled));
    line(format_args!(
        "# `cloze check` shows what the model will be asked; change here whatever you can say better."
    ));
    line(format_args!(""));
    line(format_args!("format   = 1"));
    line(format_args!("name     = {}", quoted(request.name)));
    line(format_args!(""));
    line(format_args!(
        "# Each pattern asks for the label in its own way: {{mask}} is the blank that the model fills, {{column}} a"
    ));
    line(format_args!(
        "# column of the data. A text that is too long is cut at its end, {{column!}} never is. Columns here:"
    ));
    line(format_args!("# {}.", comment(&table.columns.names().join(", "))));
    line(format_args!("patterns = ["));
    for pattern in patterns(&text, labels.iter().map(|(name, _)| name.as_str())) {
        line(format_args!("    {},", quoted(&pattern)));
    }
    line(format_args!("]"));
    line(format_args!(""));
    line(format_args!("[data]"));
    line(format_args!("train     = {}", quoted(request.train)));
    line(format_args!("label     = {}", quoted(request.label)));
    line(format_args!(
        "# Text of the same kind without labels, from which most is learned: hundreds of rows or more."
    ));
    match unlabeled {
        Some(file) => line(format_args!("unlabeled = {}", quoted(file))),
        None => line(format_args!("# unlabeled = \"more.csv\"   # or a list, or \"folder/*.csv\"")),
    }
    match request.test {
        Some(file) => line(format_args!("test      = {}", quoted(file))),
        None => {
            line(format_args!("# test = \"checked.csv\"   # labelled rows that are only used to measure"))
        }
    }
    line(format_args!(""));
    line(format_args!(
        "# What the blank should say for each label: a word that the model knows, or a list of such words."
    ));
    line(format_args!("[labels]"));
    for ((name, count), (word, sure)) in labels.iter().zip(&words) {
        let rows = if *count == 1 { "1 row".to_owned() } else { format!("{count} rows") };
        let hint = if *sure { "" } else { "; is this the right word?" };
        if !sure {
            doubtful.push(name.clone());
        }
        line(format_args!("{} = {} # {rows}{hint}", key(name), quoted(word)));
    }
    prove(&toml, &text, labels.len())?;
    Ok(Draft { toml, text, labels, doubtful })
}

/// A draft must be a task file of its own; anything else is a mistake of this program or a name nobody thought of.
fn prove(toml: &str, text: &[String], labels: usize) -> Result<()> {
    let task = Task::parse("the drafted task file", toml, Path::new("."))?;
    debug_assert_eq!((task.fields().as_slice(), task.labels.len()), (text, labels));
    Ok(())
}

/// A key of the file, in quotes if it needs them.
fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if bare { name.to_owned() } else { quoted(name) }
}

/// A comment must stay on its line.
fn comment(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// The labels with their counts, the most frequent first, and the number of rows without a label.
fn count_labels(table: &Table, column: usize) -> Result<(Vec<(String, usize)>, usize)> {
    let mut labels: Vec<(String, usize)> = Vec::new();
    let mut index = std::collections::HashMap::new();
    let mut unlabelled = 0;
    for row in &table.rows {
        let name = row.value(column).trim();
        if name.is_empty() {
            unlabelled += 1;
            continue;
        }
        let at = *index.entry(name.to_owned()).or_insert_with(|| {
            labels.push((name.to_owned(), 0));
            labels.len() - 1
        });
        labels[at].1 += 1;
    }
    labels.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let name = &table.columns.names()[column];
    let place = table.columns.place().field(name);
    let labelled = table.rows.len() - unlabelled;
    let suggestion = || {
        let few = |&other: &usize| other != column && (2..=20).contains(&distinct(table, other));
        let others: Vec<&String> =
            (0..table.columns.names().len()).filter(few).map(|other| &table.columns.names()[other]).collect();
        if others.is_empty() {
            "give the column that holds the labels with `--label`".to_owned()
        } else {
            format!("give the column that holds the labels with `--label`, perhaps {}", list(others))
        }
    };
    match labels.len() {
        0 => Err(Error::data(place, "no row has a label", "label a few rows of each kind, four or more")),
        1 => Err(Error::data(
            place,
            format!("every row has the label `{}`", labels[0].0),
            "label a few rows of each kind, four or more",
        )),
        count if count > MOST_LABELS || (count > 10 && count * 2 > labelled) => Err(Error::data(
            place,
            format!("{count} different values in {labelled} rows are no labels"),
            suggestion(),
        )),
        _ => Ok((labels, unlabelled)),
    }
}

fn distinct(table: &Table, column: usize) -> usize {
    table.rows.iter().map(|row| row.value(column)).collect::<HashSet<_>>().len()
}

/// The columns with text: the ones asked for, or those that read like text.
fn text_columns(table: &Table, label: usize, wanted: &[String]) -> Result<Vec<String>> {
    let names = table.columns.names();
    let columns: Vec<usize> = if wanted.is_empty() {
        let others: Vec<usize> =
            (0..names.len()).filter(|&column| column != label && !names[column].is_empty()).collect();
        let texts: Vec<usize> =
            others.iter().copied().filter(|&column| reads_like_text(table, column)).collect();
        let longest =
            others.iter().copied().max_by_key(|&column| (letters(table, column), std::cmp::Reverse(column)));
        if texts.is_empty() { longest.into_iter().collect() } else { texts }
    } else {
        wanted.iter().map(|name| table.columns.require(name)).collect::<Result<_>>()?
    };
    if columns.is_empty() {
        return Err(Error::data(
            table.columns.place(),
            format!("there is no column with text beside `{}`", names[label]),
            "add the text that is to be classified as a column",
        ));
    }
    for &column in &columns {
        let name = &names[column];
        if column == label {
            return Err(Error::usage(
                format!("the column `{name}` cannot be both the label and the text"),
                "give another column with `--text`",
            ));
        }
        let pattern = format!("{{mask}}{{{name}}}").parse::<Pattern>();
        let usable = pattern.is_ok_and(|pattern| pattern.fields().any(|field| field.name == *name));
        if !usable {
            return Err(Error::data(
                Place::file(table.columns.place().file).line(1).field(name),
                "a pattern cannot name this column",
                "rename it; letters, digits, blanks and `_` are fine, but not `mask` or `sep`",
            ));
        }
    }
    Ok(columns.into_iter().map(|column| names[column].clone()).collect())
}

/// Most of a text column's values are several words, and most of their characters are letters.
fn reads_like_text(table: &Table, column: usize) -> bool {
    let values =
        || table.rows.iter().take(1000).map(|row| row.value(column).trim()).filter(|value| !value.is_empty());
    let wordy = values().filter(|value| value.split_whitespace().count() > 1).count();
    let (letters, all) = values().fold((0, 0), |(letters, all), value| {
        (letters + value.chars().filter(|c| c.is_alphabetic()).count(), all + value.chars().count())
    });
    let any = values().count();
    // Few values that come again and again are categories, however many words they have.
    let varied = distinct(table, column) * 5 > table.rows.len() || table.rows.len() < 10;
    any > 0 && wordy * 2 > any && letters * 2 > all && varied
}

fn letters(table: &Table, column: usize) -> usize {
    table.rows.iter().map(|row| row.value(column).chars().filter(|c| c.is_alphabetic()).count()).sum()
}

/// Four general patterns that fit what the labels seem to be about.
fn patterns<'a>(text: &[String], labels: impl Iterator<Item = &'a str>) -> Vec<String> {
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

/// A word for a label, and whether it surely fits: the name itself, or the first of its parts that is one token.
fn label_word(name: &str, tokenizer: &Tokenizer, taken: &mut HashSet<Vec<u32>>) -> (String, bool) {
    let known = [
        ("positive", "good"),
        ("negative", "bad"),
        ("pos", "good"),
        ("neg", "bad"),
        ("neutral", "okay"),
        ("entailment", "yes"),
        ("contradiction", "no"),
    ];
    let lower = name.trim().to_lowercase();
    let whole = spaced(name);
    let mut candidates: Vec<(String, bool)> = Vec::new();
    candidates
        .extend(known.iter().filter(|(label, _)| *label == lower).map(|(_, word)| (word.to_string(), true)));
    let says_something = lower.chars().any(char::is_alphabetic);
    candidates.push((whole.clone(), says_something));
    let parts =
        || whole.split(' ').filter(|part| part.chars().count() > 2 && !["and", "the", "not"].contains(part));
    candidates.extend(parts().map(|part| (part.to_owned(), false)));
    candidates.extend(parts().filter_map(|part| Some((part.strip_suffix('s')?.to_owned(), false))));
    let unknown = tokenizer.special().unk;
    for (word, sure) in candidates {
        // The mask stands after a blank in some of the patterns and begins the text in others.
        let tokens = tokenizer.tokenize(&tokenizer.after_blank(&word));
        let usable = tokens.len() == 1
            && tokens[0] != unknown
            && tokenizer.tokenize(&word).len() == 1
            && !taken.contains(&tokens);
        if usable {
            taken.insert(tokens);
            return (word, sure);
        }
    }
    // `cloze check` says what the vocabulary makes of it.
    (if whole.is_empty() { lower } else { whole }.replace(['{', '}'], ""), false)
}

/// A label's name as words: `credit_cards` and `CreditCards` become `credit cards`.
fn spaced(name: &str) -> String {
    let mut spaced = String::new();
    let mut before = ' ';
    for c in name.chars() {
        if c.is_uppercase() && before.is_lowercase() {
            spaced.push(' ');
        }
        if c.is_alphanumeric() || c == '\'' {
            spaced.extend(c.to_lowercase());
        } else {
            spaced.push(' ');
        }
        before = c;
    }
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::table::{Format, ReadOptions, Reader};
    use crate::verbalizer::Verbalizer;

    fn tokenizer() -> Tokenizer {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/cloze-mini-en/tokenizer.json");
        Tokenizer::from_bytes(&std::fs::read(path).unwrap()).unwrap()
    }

    fn table(text: &str) -> Table {
        let input = Cursor::new(text.to_owned());
        Reader::new("data.csv", input, ReadOptions::of(Format::Csv)).unwrap().into_table().unwrap()
    }

    fn request<'a>(label: &'a str, text: &'a [String]) -> Request<'a> {
        Request { name: "support", train: "data.csv", label, text, unlabeled: None, test: None }
    }

    fn drafted(text: &str, label: &str) -> (Draft, Task) {
        let draft = draft(&table(text), &request(label, &[]), &tokenizer()).unwrap();
        let task = Task::parse("t.toml", &draft.toml, Path::new(".")).unwrap();
        (draft, task)
    }

    fn refuse(text: &str, label: &str, columns: &[&str]) -> (String, String) {
        let columns: Vec<String> = columns.iter().map(|column| column.to_string()).collect();
        let error = draft(&table(text), &request(label, &columns), &tokenizer()).unwrap_err();
        (error.to_string(), error.remedy().unwrap())
    }

    #[test]
    fn a_draft_is_a_task_that_can_be_run() {
        let (draft, task) = drafted(
            "id,title,body,url,team\n\
             1,No invoice,I did not get an invoice.,http://a.b,billing\n\
             2,It broke,The app stops at once.,http://a.c,tech_support\n\
             3,Pay later,Can I pay next month?,http://a.d,billing\n\
             4,Hello there,Who knows what this is,http://a.e,\n",
            "team",
        );
        assert_eq!(draft.text, ["title", "body"]);
        assert_eq!(draft.labels, [("billing".into(), 2), ("tech_support".into(), 1)]);
        assert_eq!(draft.doubtful, ["tech_support"]);
        assert_eq!(task.labels[1].words, ["tech"]);
        assert_eq!(task.patterns.len(), 4);
        assert_eq!(task.patterns[0].to_string(), "{title} {body} This is about {mask}.");
        assert_eq!(task.data.unlabeled, ["data.csv"], "the file has rows without a label");
        for pattern in 0..4 {
            Verbalizer::new(&task, pattern, &tokenizer()).unwrap();
        }
    }

    #[test]
    fn patterns_suit_what_the_labels_are_about() {
        let (_, task) = drafted("text,y\ngood film I say,positive\nbad film I say,negative\n", "y");
        assert_eq!(task.patterns[0].to_string(), "{text} It was {mask}.");
        assert_eq!(task.labels[0].words, ["good"]);
        let (_, task) = drafted("q,p,y\nis it so,it is so,yes\nis it not,it is so,no\n", "y");
        assert_eq!(task.patterns[0].to_string(), "{q|strip_punct}? {sep}{mask}, {p}");
    }

    #[test]
    fn labels_get_different_words_of_the_vocabulary() {
        let (draft, task) = drafted(
            "text,y\na text here,credit_cards\na text there,CreditScore\na text too,travel\na text,42\nno text,banking\nold text,Xyzzyq!\n",
            "y",
        );
        let words: Vec<_> = task.labels.iter().map(|label| label.words[0].as_str()).collect();
        assert_eq!(words, ["credit", "score", "travel", "42", "banking", "xyzzyq"]);
        assert_eq!(draft.doubtful, ["credit_cards", "CreditScore", "42", "Xyzzyq!"]);
    }

    #[test]
    fn labels_without_a_word_of_their_own_get_one_to_be_replaced() {
        let (draft, task) = drafted("text,y\na text,xyzzyq!\nb text,xyzzyq?\nc text,{}\n", "y");
        let words: Vec<_> = task.labels.iter().map(|label| label.words[0].as_str()).collect();
        assert_eq!(words, ["xyzzyq", "word 2", "word 3"]);
        assert_eq!(draft.doubtful.len(), 3);
    }

    #[test]
    fn a_column_that_holds_no_labels_is_refused() {
        let rows: String = (0..30).map(|i| format!("text number {i},{i}.5,{}\n", i % 3)).collect();
        let (problem, remedy) = refuse(&format!("text,price,kind\n{rows}"), "price", &[]);
        assert_eq!(problem, "`data.csv`, column `price`: 30 different values in 30 rows are no labels");
        assert!(remedy.ends_with("perhaps `kind`"), "{remedy}");
        assert!(refuse("text,y\na b,x\nb c,x\n", "y", &[]).0.ends_with("every row has the label `x`"));
        assert!(refuse("text,y\na b,\n", "y", &[]).0.ends_with("no row has a label"));
        let (problem, remedy) = refuse("text,team\na b,x\n", "teams", &[]);
        assert_eq!(problem, "`data.csv`: there is no column `teams`");
        assert!(remedy.starts_with("did you mean `team`?"), "{remedy}");
    }

    #[test]
    fn text_columns_must_be_there_and_fit_into_a_pattern() {
        assert!(refuse("y\na\nb\n", "y", &[]).0.contains("no column with text beside `y`"));
        assert!(refuse("t,y\nc,a\nd,b\n", "y", &["y"]).0.contains("both the label and the text"));
        assert!(refuse("t,y\nc,a\nd,b\n", "y", &["u"]).0.contains("no column `u`"));
        assert!(refuse("a{b,y\nc,a\nd,b\n", "y", &[]).0.ends_with("a pattern cannot name this column"));
        assert!(refuse("mask,y\nc,a\nd,b\n", "y", &[]).0.ends_with("a pattern cannot name this column"));
    }

    proptest! {
        #[test]
        fn any_columns_and_labels_give_a_task_or_an_error(
            header in "\\PC{1,8}", labels in prop::collection::vec("\\PC{0,8}", 1..6), text in "\\PC{0,20}",
        ) {
            let mut lines = csv::Writer::from_writer(Vec::new());
            lines.write_record([header.as_str(), "the label"]).unwrap();
            for label in &labels {
                lines.write_record([&text, label]).unwrap();
            }
            let text = String::from_utf8(lines.into_inner().unwrap()).unwrap();
            let input = Cursor::new(text);
            if let Ok(table) = Reader::new("data.csv", input, ReadOptions::of(Format::Csv)).and_then(Reader::into_table) {
                match draft(&table, &request("the label", &[]), &fixture()) {
                    Ok(draft) => prop_assert_eq!(draft.text.len(), 1),
                    Err(error) => prop_assert!(!matches!(error, Error::Task(_)), "{:?}", error),
                }
            }
        }
    }

    fn fixture() -> Tokenizer {
        crate::verbalizer::tests::tokenizer()
    }
}
