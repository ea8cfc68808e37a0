//! What the hub says a file's contents are, and whether they are that.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Seek};

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// The hash by which the hub knows a file; it is also the name of the file in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Digest {
    /// Of the contents: files of Git LFS, which all weights are.
    Sha256(String),
    /// Git's own: SHA-1 of a header with the size, and the contents.
    GitBlob(String),
}

/// The hashes of a file as it is.
pub(super) struct Found {
    /// Of the contents.
    pub(super) sha256: String,
    /// Whether the file is what it should be.
    pub(super) matches: bool,
}

impl Digest {
    /// The hash in hexadecimal digits.
    pub(super) fn as_str(&self) -> &str {
        match self {
            Digest::Sha256(hex) | Digest::GitBlob(hex) => hex,
        }
    }

    /// Reads a file from its beginning to its end.
    pub(super) fn check(&self, mut file: &File, size: u64) -> io::Result<Found> {
        file.rewind()?;
        let mut sha256 = Sha256::new();
        let mut git = match self {
            Digest::Sha256(_) => None,
            Digest::GitBlob(_) => Some(Sha1::new_with_prefix(format!("blob {size}\0"))),
        };
        let (mut buffer, mut read) = (vec![0; 1 << 18], 0);
        loop {
            let count = match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            sha256.update(&buffer[..count]);
            if let Some(git) = &mut git {
                git.update(&buffer[..count]);
            }
            read += count as u64;
        }
        let sha256 = hex(&sha256.finalize());
        let actual = git.map_or_else(|| sha256.clone(), |git| hex(&git.finalize()));
        Ok(Found { matches: read == size && actual == self.as_str(), sha256 })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing into a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn files_are_held_against_either_hash() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"hello\n").unwrap();
        // `git hash-object` and `sha256sum` of the same six bytes.
        let git = Digest::GitBlob("ce013625030ba8dba906f756967f9e9ca394464a".into());
        let sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        let found = git.check(&file, 6).unwrap();
        assert!(found.matches);
        assert_eq!(found.sha256, sha256);
        assert!(Digest::Sha256(sha256.into()).check(&file, 6).unwrap().matches);
        assert!(!Digest::Sha256(sha256.into()).check(&file, 7).unwrap().matches);
        file.write_all(b"!").unwrap();
        assert!(!git.check(&file, 6).unwrap().matches);
    }
}
