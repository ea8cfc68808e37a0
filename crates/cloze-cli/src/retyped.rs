//! The command that was typed, corrected: what a remedy suggests typing instead.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::sync::OnceLock;

static TYPED: OnceLock<Vec<OsString>> = OnceLock::new();

/// Keeps what was typed: in another program's process, its arguments are not the command's.
pub(crate) fn remember(args: &[OsString]) {
    // A process is the command once; what came first stays.
    let _ = TYPED.set(args.to_vec());
}

/// What was typed, and before it what the program was called as.
pub(crate) fn command_line() -> Vec<OsString> {
    TYPED.get().cloned().unwrap_or_else(|| std::env::args_os().collect())
}

/// Options that stand for themselves; what follows any other is its value.
const FLAGS: &[&str] = &[
    "--json",
    "--quiet",
    "-q",
    "--force",
    "--skip-unknown",
    "--uncalibrated",
    "--remove",
    "--compare",
    "--adapt",
    "--",
];

/// The words of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Retyped {
    words: Vec<String>,
}

impl Retyped {
    /// The command that this process was started with, by its usual name.
    pub(crate) fn new() -> Retyped {
        let words = command_line().into_iter().skip(1).map(|word| word.to_string_lossy().into_owned());
        Retyped { words: words.collect() }
    }

    /// With other words in the place of the argument `old`, where it is not the value of an option.
    pub(crate) fn with<T: Into<String>>(mut self, old: &Path, new: impl IntoIterator<Item = T>) -> Retyped {
        if let Some(place) = self.place(old) {
            self.words.splice(place..=place, new.into_iter().map(Into::into));
        }
        self
    }

    /// With another path in the place of the argument `old`.
    pub(crate) fn with_path(self, old: &Path, new: &Path) -> Retyped {
        self.with(old, [new.to_string_lossy()])
    }

    /// With two arguments changing places.
    pub(crate) fn swapped(mut self, one: &Path, other: &Path) -> Retyped {
        if let (Some(one), Some(other)) = (self.place(one), self.place(other)) {
            self.words.swap(one, other);
        }
        self
    }

    /// Without these options and their values.
    pub(crate) fn without(mut self, options: &[&str]) -> Retyped {
        while let Some(place) = self.words.iter().position(|word| options.contains(&&**word)) {
            self.words.drain(place..self.words.len().min(place + 2));
        }
        // `--from=csv`, `-oout.csv`
        let glued = |word: &String, option: &&str| {
            let value = word.strip_prefix(*option);
            value.is_some_and(|value| value.starts_with('=') || !option.starts_with("--"))
        };
        self.words.retain(|word| !options.iter().any(|option| glued(word, option)));
        self
    }

    fn place(&self, word: &Path) -> Option<usize> {
        let word = word.to_string_lossy();
        let is_value = |place: usize| {
            place.checked_sub(1).is_some_and(|before| {
                let before = &*self.words[before];
                before.starts_with('-') && !before.contains('=') && !FLAGS.contains(&before)
            })
        };
        // The first word is the verb.
        (1..self.words.len()).find(|&place| self.words[place] == word && !is_value(place))
    }
}

impl fmt::Display for Retyped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cloze")?;
        self.words.iter().try_for_each(|word| write!(f, " {}", typed(word)))
    }
}

/// A word as it is typed in a shell: in quotes where it has to be.
pub(crate) fn typed(word: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "-_./:=,@%+".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else if word.contains(['"', '\\', '$', '`', '!']) {
        format!("'{}'", word.replace('\'', r"'\''"))
    } else {
        format!("\"{word}\"")
    }
}

/// A path as it is typed in a shell.
pub(crate) fn typed_path(path: &Path) -> String {
    let path = path.to_string_lossy();
    if path.starts_with('-') { typed(&format!("./{path}")) } else { typed(&path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: &[&str]) -> Retyped {
        Retyped { words: words.iter().map(|word| (*word).to_owned()).collect() }
    }

    #[test]
    fn an_argument_is_replaced_and_the_value_of_an_option_is_not() {
        let typed = command(&["predict", "--runs", "runs", "runs", "-q", "a b.csv"]);
        let (runs, rows) = (Path::new("runs"), Path::new("a b.csv"));
        let one = typed.clone().with_path(runs, Path::new("runs/x"));
        assert_eq!(one.to_string(), "cloze predict --runs runs runs/x -q \"a b.csv\"");
        assert_eq!(
            typed.clone().swapped(runs, rows).to_string(),
            "cloze predict --runs runs \"a b.csv\" -q runs"
        );
        assert_eq!(
            typed.with(rows, ["--text", "a b"]).to_string(),
            "cloze predict --runs runs runs -q --text \"a b\""
        );
    }

    #[test]
    fn options_go_with_their_values_however_they_are_written() {
        let typed = command(&["predict", "x", "-o", "out.csv", "--from=csv", "--to", "tsv", "-oout.csv"]);
        assert_eq!(typed.without(&["-o", "--output", "--from", "--to"]).to_string(), "cloze predict x");
    }

    #[test]
    fn words_stand_in_quotes_where_a_shell_would_take_them_apart() {
        assert_eq!(
            ["runs/x-1", "my car", "", "I can't"].map(typed),
            ["runs/x-1", "\"my car\"", "\"\"", "\"I can't\""]
        );
        assert_eq!(typed("it's $5"), r"'it'\''s $5'");
        assert_eq!(typed_path(Path::new("-a b.csv")), "\"./-a b.csv\"");
    }
}
