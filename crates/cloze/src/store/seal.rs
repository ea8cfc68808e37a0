//! A hash in the first line of a text for people, by which a later change of the text is noticed.

/// What stands before the hash.
const SEAL: &str = "# The record of a run, not to be changed; its checksum: ";

/// The text with its seal before it.
pub(super) fn seal(text: &str) -> String {
    format!("{SEAL}{}\n{text}", hash(text))
}

/// Whether a text is as it was sealed; one that never was is taken as it is.
pub(super) fn is_whole(sealed: &str) -> bool {
    let Some((first, text)) = sealed.trim_start_matches('\u{feff}').split_once('\n') else { return true };
    first.trim_end().strip_prefix(SEAL).is_none_or(|found| found == hash(text))
}

/// Line ends do not count: copying between systems may change them.
fn hash(text: &str) -> String {
    blake3::hash(text.replace("\r\n", "\n").as_bytes()).to_hex()[..32].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_noticed_and_other_line_ends_are_none() {
        let sealed = seal("name = \"a\"\n\n[labels]\nb = 1\n");
        assert!(is_whole(&sealed) && is_whole(&sealed.replace('\n', "\r\n")));
        for changed in [sealed.replace("b = 1", "c = 1"), sealed.replace("\n\n", "\n"), format!("{sealed}#")]
        {
            assert!(!is_whole(&changed), "{changed}");
        }
        assert!(is_whole("name = \"a\"\n"), "runs of versions before have no seal");
    }
}
