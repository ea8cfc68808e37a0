//! A checksum in a JSON file of a run that no job's record covers, which reveals that the file has been damaged.

use serde::de::DeserializeOwned;

/// The name of the field. It is the first one, and its value is the hash of the file without it.
const FIELD: &str = "\"checksum\":";

/// A JSON object as it is written to a file: with its checksum.
pub(crate) fn sealed(object: Vec<u8>) -> Vec<u8> {
    let Some(rest) = object.strip_prefix(b"{") else { return object };
    let gap: Vec<u8> = rest.iter().copied().take_while(u8::is_ascii_whitespace).collect();
    // Indented JSON also has a space in front of its values.
    let space: &[u8] = if gap.is_empty() { b"" } else { b" " };
    let value = format!("\"{}\",", hash(&object));
    [b"{", &gap[..], FIELD.as_bytes(), space, value.as_bytes(), rest].concat()
}

/// Reads such a file. Earlier versions of cloze wrote none, so one without a checksum is taken as it is.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let read = serde_json::from_slice(bytes).map_err(|error| format!("it cannot be read: {error}"))?;
    match is_whole(bytes) {
        None | Some(true) => Ok(read),
        Some(false) => Err("it is not what was written, as its checksum shows".to_owned()),
    }
}

/// Whether a file is as it was written; `None` if it has no checksum.
fn is_whole(bytes: &[u8]) -> Option<bool> {
    let field = bytes.strip_prefix(b"{")?.trim_ascii_start().strip_prefix(FIELD.as_bytes())?;
    let parts = field.trim_ascii_start().strip_prefix(b"\"").and_then(|value| value.split_at_checked(HEX));
    let Some((found, rest)) = parts else { return Some(false) };
    let rest = rest.strip_prefix(b"\",");
    Some(rest.is_some_and(|rest| hash(&[b"{", rest].concat()).as_bytes() == found))
}

/// The number of digits of a hash.
const HEX: usize = 32;

/// The hash of a text. Line endings are ignored: copying between systems may change them.
pub(crate) fn hash(text: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut lines = text.split(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        match lines.peek() {
            Some(_) => hasher.update(line.strip_suffix(b"\r").unwrap_or(line)).update(b"\n"),
            None => hasher.update(line),
        };
    }
    hasher.finalize().to_hex()[..HEX].to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn files() -> [Vec<u8>; 2] {
        let value = json!({"format": 1, "labels": ["a", "b"], "accuracy": 0.875});
        [serde_json::to_vec(&value).unwrap(), serde_json::to_vec_pretty(&value).unwrap()]
    }

    #[test]
    fn a_file_is_read_as_it_was_written_with_other_line_ends_and_from_before_checksums() {
        for file in files() {
            let written = sealed(file.clone());
            let read: Value = read(&written).unwrap();
            assert_eq!(read["accuracy"], 0.875);
            assert_eq!(read.as_object().unwrap().keys().next().unwrap(), "checksum");
            assert_eq!(is_whole(&written), Some(true));
            assert_eq!(is_whole(&file), None);
            let windows = String::from_utf8(written).unwrap().replace('\n', "\r\n");
            assert_eq!(is_whole(windows.as_bytes()), Some(true));
        }
    }

    #[test]
    fn every_changed_bit_is_noticed_or_changes_nothing_that_is_read() {
        for file in files() {
            let expected: Value = serde_json::from_slice(&file).unwrap();
            let written = sealed(file);
            for bit in 0..written.len() * 8 {
                let mut damaged = written.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                let Ok(mut read) = read::<Value>(&damaged) else { continue };
                // The checksum's own name, without which the rest counts as it is.
                let first = read.as_object().unwrap().keys().next().unwrap().clone();
                read.as_object_mut().unwrap().shift_remove(&first);
                assert_eq!(read, expected, "bit {bit}");
            }
            assert!((0..written.len()).all(|length| read::<Value>(&written[..length]).is_err()));
        }
    }
}
