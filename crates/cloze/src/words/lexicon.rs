//! Synonyms of common label names.

use std::collections::HashMap;
use std::sync::LazyLock;

static WORDS: LazyLock<HashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let lines = include_str!("lexicon.tsv").lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once('\t'))
        .map(|(name, words)| (name, words.split(' ').collect()))
        .collect()
});

/// The synonyms of a name, given in lower case with `_` between its words; empty if the lexicon does not have
/// it.
pub(super) fn also_called(name: &str) -> &'static [&'static str] {
    WORDS.get(name).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pvp::verbalizer::tests::tokenizer_of_default_model;

    #[test]
    fn every_line_is_a_name_with_words_that_the_default_model_knows() {
        let tokenizer = tokenizer_of_default_model();
        for line in include_str!("lexicon.tsv").lines().filter(|line| !line.starts_with('#')) {
            let (name, words) = line.split_once('\t').unwrap_or_else(|| panic!("`{line}` has no tab"));
            assert!(!name.is_empty() && name == name.to_lowercase(), "{line}");
            for word in words.split(' ') {
                assert_eq!(tokenizer.tokenize(word).len(), 1, "`{word}` of `{name}` is no token");
            }
        }
        assert_eq!(also_called("nobody_is_called_so"), [""; 0]);
        assert_eq!(also_called("billing")[0], "bill");
    }
}
