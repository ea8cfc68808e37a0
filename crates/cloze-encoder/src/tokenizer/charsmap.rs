//! The table that SentencePiece uses to normalise text, as stored in `Precompiled` normalizers: a trie over
//! bytes (a Darts double array of little-endian u32, preceded by its size in bytes) whose values are offsets
//! into a string of replacements.
//!
//! The crate that applies the table trusts every number in it, so all of them are checked here.

/// Checks a table as stored in the file, in base64.
///
/// # Errors
/// The problem with it.
pub(super) fn check(base64: &str) -> Result<(), String> {
    let bytes = decode(base64).ok_or("it is not base64")?;
    let (size, rest) = bytes.split_first_chunk::<4>().ok_or("it is empty")?;
    let size = u32::from_le_bytes(*size) as usize / 4 * 4;
    let (trie, replacements) = rest.split_at_checked(size).ok_or("it is cut off")?;
    let replacements = std::str::from_utf8(replacements).map_err(|_| "its replacements are not UTF-8")?;
    let units: Vec<Unit> = trie.as_chunks().0.iter().map(|bytes| Unit(u32::from_le_bytes(*bytes))).collect();
    // A byte of text selects a unit by exclusive or with an offset, which stays within blocks of 256 units.
    if units.is_empty() || !units.len().is_multiple_of(256) {
        return Err("its trie is not made of blocks of 256 units".into());
    }
    let broken = || "its trie points outside itself".to_owned();
    units.get(units[0].offset()).ok_or_else(broken)?;
    for (place, unit) in units.iter().enumerate().filter(|(_, unit)| unit.is_reachable()) {
        let next = units.get(place ^ unit.offset()).ok_or_else(broken)?;
        if unit.has_leaf() && !replacements.is_char_boundary(next.value()) {
            return Err("its trie points outside the replacements".into());
        }
    }
    Ok(())
}

struct Unit(u32);

impl Unit {
    fn is_reachable(&self) -> bool {
        let label = self.0 & (1 << 31 | 0xFF);
        (1..256).contains(&label)
    }

    fn has_leaf(&self) -> bool {
        self.0 >> 8 & 1 == 1
    }

    fn value(&self) -> usize {
        (self.0 & !(1 << 31)) as usize
    }

    fn offset(&self) -> usize {
        ((self.0 >> 10) as usize) << ((self.0 & 1 << 9) >> 6)
    }
}

fn decode(base64: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(base64.len() / 4 * 3);
    for group in base64.trim_end_matches('=').as_bytes().chunks(4) {
        let mut bits = 0u32;
        for &letter in group {
            let value = match letter {
                b'A'..=b'Z' => letter - b'A',
                b'a'..=b'z' => letter - b'a' + 26,
                b'0'..=b'9' => letter - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        let missing = 4 - group.len();
        bits <<= 6 * missing;
        bytes.extend(&bits.to_be_bytes()[1..4 - missing]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(units: &[u32], replacements: &[u8]) -> Vec<u8> {
        let mut bytes = (4 * units.len() as u32).to_le_bytes().to_vec();
        bytes.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
        bytes.extend(replacements);
        bytes
    }

    fn encode(bytes: &[u8]) -> String {
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::new();
        for group in bytes.chunks(3) {
            let mut three = [0; 3];
            three[..group.len()].copy_from_slice(group);
            let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
            for place in 0..4 {
                let letter = letters[(bits >> (18 - 6 * place) & 63) as usize] as char;
                text.push(if place > group.len() { '=' } else { letter });
            }
        }
        text
    }

    /// `a` leads from unit 97 to the value in unit 97 ^ 1.
    fn small() -> Vec<u32> {
        let mut units = vec![0; 256];
        units[97] = 1 << 10 | 1 << 8 | 97;
        units[96] = 1 << 31 | 2;
        units
    }

    #[test]
    fn a_table_whose_numbers_hold_is_accepted() {
        assert_eq!(check(&encode(&table(&small(), b"x\0y\0"))), Ok(()));
    }

    #[test]
    fn a_table_that_points_outside_itself_is_refused() {
        let with = |place: usize, unit: u32| {
            let mut units = small();
            units[place] = unit;
            check(&encode(&table(&units, "x\0é\0".as_bytes())))
        };
        assert!(with(0, 256 << 10).is_err());
        assert!(with(97, 256 << 10 | 97).is_err());
        assert!(with(96, 1 << 31 | 3).is_err());
        assert!(with(96, 1 << 31 | 99).is_err());
        assert!(check(&encode(&table(&small()[..255], b""))).is_err());
        assert!(check(&encode(&u32::MAX.to_le_bytes())).is_err());
        assert!(check("").is_err() && check("####").is_err());
    }
}
