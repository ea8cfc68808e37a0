//! File names in the shell commands that remedies suggest.

/// A file's name quoted for a shell; `FILE` for standard input.
pub(super) fn shell_word(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./+:@%,=".contains(c);
    match name {
        "standard input" => "FILE".to_owned(),
        name if !name.is_empty() && !name.starts_with('-') && name.chars().all(plain) => name.to_owned(),
        // A leading dash would be read as an option.
        name if name.starts_with('-') => shell_word(&format!("./{name}")),
        name => format!("'{}'", name.replace('\'', "'\\''")),
    }
}
