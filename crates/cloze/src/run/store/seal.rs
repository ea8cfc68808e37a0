//! A checksum in the first line of a text file, which reveals later changes to the text.

use crate::results::checksum::hash;

/// The text before the hash.
const SEAL: &str = "# The record of a run, not to be changed; its checksum: ";

/// The text preceded by its seal.
pub(super) fn seal(text: &str) -> String {
    format!("{SEAL}{}\n{text}", hash(text.as_bytes()))
}

/// Whether a sealed text is unchanged.
pub(super) fn is_whole(text: &str) -> bool {
    let parts = text.split_once('\n');
    let sealed = parts.and_then(|(first, rest)| Some((first.trim_end().strip_prefix(SEAL)?, rest)));
    sealed.is_some_and(|(found, rest)| found == hash(rest.as_bytes()))
}

/// Whether a text has a seal, valid or not.
pub(super) fn is_there(text: &str) -> bool {
    text.starts_with(SEAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_noticed_and_other_line_ends_are_none() {
        let sealed = seal("# Made by cloze 1.\nname = \"a\"\n\n[labels]\nb = 1\n");
        let (_, without) = sealed.split_once('\n').unwrap();
        let (_, headless) = without.split_once('\n').unwrap();
        for broken in [without, headless, "", "#", &sealed[..sealed.len() / 2], &format!("\n{sealed}")] {
            assert!(!is_whole(broken), "{broken:?}");
        }
        assert!(is_whole(&sealed) && is_whole(&sealed.replace('\n', "\r\n")));
        for changed in [sealed.replace("b = 1", "c = 1"), sealed.replace("\n\n", "\n"), format!("{sealed}#")]
        {
            assert!(!is_whole(&changed), "{changed}");
        }
    }
}
