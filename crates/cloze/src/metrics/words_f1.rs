//! Word overlap of two texts.

/// Word F1 of two texts, as SQuAD and ReCoRD evaluate answers (Rajpurkar et al., 2016): ignoring case, ASCII
/// punctuation and articles; 1 if both have no words.
pub(crate) fn words_f1(one: &str, other: &str) -> f64 {
    let words = |text: &str| -> Vec<String> {
        let plain: String =
            text.to_lowercase().chars().filter(|letter| !letter.is_ascii_punctuation()).collect();
        let words = plain.split_whitespace().filter(|word| !["a", "an", "the"].contains(word));
        words.map(str::to_owned).collect()
    };
    let one = words(one);
    let mut other = words(other);
    let total = one.len() + other.len();
    if total == 0 {
        return 1.0;
    }
    let mut common = 0;
    for word in &one {
        if let Some(place) = other.iter().position(|candidate| candidate == word) {
            other.swap_remove(place);
            common += 1;
        }
    }
    2.0 * f64::from(common) / total as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_compared_word_by_word() {
        assert_eq!(words_f1("The West Brom", "west brom."), 1.0);
        assert_eq!(words_f1("West Brom", "West Bromwich Albion"), 2.0 / 5.0);
        assert_eq!(words_f1("no no", "no"), 2.0 / 3.0);
        assert_eq!((words_f1("the", "a"), words_f1("the", "x")), (1.0, 0.0));
    }
}
