//! Ids derived from contents.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Hash of everything that a result depends on; equal ids mean equal results. 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Id(String);

impl Id {
    /// The id of a value: a hash of its JSON form. The value's maps must have a fixed order.
    pub(crate) fn of(value: &impl Serialize) -> Self {
        let mut hasher = blake3::Hasher::new();
        // Numbers, strings, lists and structures can always be serialised, and writing to the hasher cannot
        // fail.
        serde_json::to_writer(&mut hasher, value).expect("plain data has a JSON form");
        Id::from_hash(&hasher)
    }

    fn from_hash(hasher: &blake3::Hasher) -> Self {
        Id(hasher.finalize().to_hex()[..32].to_owned())
    }

    /// All digits.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The first eight digits, for names that people read.
    pub(crate) fn short(&self) -> &str {
        &self.0[..8.min(self.0.len())]
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
