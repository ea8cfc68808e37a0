//! What a model is called on the hub. Both kinds of word become parts of addresses and of paths, so they hold nothing that
//! has a meaning there.

use std::fmt;
use std::str::FromStr;

/// The name of a model: `google-bert/bert-base-uncased`, or `bert-base-uncased` from the hub's early days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name(String);

/// A state of a model: a branch, a tag, or a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Revision(String);

impl FromStr for Name {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Name, Self::Err> {
        if text.split('/').count() <= 2 && is_plain(text) {
            return Ok(Name(text.to_owned()));
        }
        Err("a model on the hub has a name like `google-bert/bert-base-uncased`")
    }
}

impl FromStr for Revision {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Revision, Self::Err> {
        if is_plain(text) {
            Ok(Revision(text.to_owned()))
        } else {
            Err("a revision is a branch, a tag or a commit")
        }
    }
}

impl Default for Revision {
    fn default() -> Self {
        Revision("main".to_owned())
    }
}

impl Name {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is `owner/name`, which a path is less likely to be than a word alone.
    pub(crate) fn has_owner(&self) -> bool {
        self.0.contains('/')
    }
}

impl Revision {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names a commit in full, which nobody can move.
    pub(crate) fn is_commit(&self) -> bool {
        is_hex(&self.0, 40)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Letters, digits, `-`, `_` and `.` in parts between `/`, none of them empty, hidden or an option.
fn is_plain(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '-'])
            && !part.ends_with('.')
            && !part.contains("..")
            && !part.contains("--")
    };
    text.len() <= 200
        && text.split('/').all(is_part)
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_./".contains(letter))
}

/// Whether a text is a hash of so many digits.
pub(super) fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_paths_and_addresses() {
        for name in ["google-bert/bert-base-uncased", "bert-base-uncased", "prajjwal1/bert-tiny", "a/b.c_d-1"]
        {
            assert_eq!(name.parse::<Name>().unwrap().as_str(), name);
        }
        for other in [
            "",
            "/",
            "a/",
            "/a",
            "a/b/c",
            "../a",
            "./a",
            "~/a",
            "a b",
            "https://a",
            "a\\b",
            "a/..",
            "-a",
            "a--b/c",
            "a?b",
        ] {
            assert!(other.parse::<Name>().is_err(), "{other}");
        }
    }

    #[test]
    fn revisions_are_branches_tags_and_commits() {
        assert!(!"refs/pr/3".parse::<Revision>().unwrap().is_commit());
        assert!("0123456789abcdef0123456789abcdef01234567".parse::<Revision>().unwrap().is_commit());
        for other in ["", "a/../b", "/etc", "a#b", "a b", "a%2e"] {
            assert!(other.parse::<Revision>().is_err(), "{other}");
        }
    }
}
