//! The fields of a `config.json`, each checked as it is read.

use serde_json::{Map, Value};

use super::LARGEST;
use crate::family::{Activation, Family};
use crate::{Error, Result};

/// The contents of the file.
pub(super) struct File<'a>(pub(super) &'a Map<String, Value>);

impl File<'_> {
    pub(super) fn family(&self) -> Result<&'static Family> {
        let model_type = self.0.get("model_type").and_then(Value::as_str);
        model_type.and_then(Family::named).ok_or_else(|| {
            let known: Vec<&str> = Family::ALL.iter().map(|family| family.model_type).collect();
            Error::Unsupported {
                what: format!("model type `{}`", model_type.unwrap_or("(none)")),
                remedy: format!(
                    "use a model whose `config.json` has one of these as `model_type`: {}",
                    known.join(", ")
                ),
            }
        })
    }

    pub(super) fn size(&self, name: &str) -> Result<usize> {
        self.size_of(name, self.0.get(name))
    }

    pub(super) fn size_or(&self, name: &str, default: usize) -> Result<usize> {
        match self.0.get(name).filter(|v| !v.is_null()) {
            None => Ok(default),
            found => self.size_of(name, found),
        }
    }

    fn size_of(&self, name: &str, value: Option<&Value>) -> Result<usize> {
        let size = value.and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        size.filter(|n| (1..=LARGEST).contains(n)).ok_or_else(|| {
            let found = value.map_or("nothing".into(), Value::to_string);
            Error::malformed(
                "config.json",
                format!("`{name}` should be a number from 1 to {LARGEST}, found {found}"),
            )
        })
    }

    pub(super) fn padding(&self, default: u32) -> Result<u32> {
        match self.0.get("pad_token_id").filter(|v| !v.is_null()) {
            None => Ok(default),
            Some(value) => {
                let id = value.as_u64().filter(|id| *id < LARGEST as u64).map(|id| id as u32);
                id.ok_or_else(|| {
                    Error::malformed(
                        "config.json",
                        format!("`pad_token_id` should be a token id, found {value}"),
                    )
                })
            }
        }
    }

    pub(super) fn activation(&self, (name, default): (&str, Activation)) -> Result<Activation> {
        match self.0.get(name).filter(|v| !v.is_null()) {
            None => Ok(default),
            Some(value) => value.as_str().and_then(Activation::named).ok_or_else(|| Error::Unsupported {
                what: format!("`{name}` {value} in `config.json`"),
                remedy: format!("use a model with `{name}` \"gelu\", \"gelu_new\" or \"relu\""),
            }),
        }
    }

    pub(super) fn number(&self, name: &str, default: f32, most: f32) -> Result<f32> {
        let Some(value) = self.0.get(name).filter(|v| !v.is_null()) else { return Ok(default) };
        value.as_f64().map(|x| x as f32).filter(|x| (0.0..=most).contains(x)).ok_or_else(|| {
            Error::malformed(
                "config.json",
                format!("`{name}` should be a number from 0 to {most}, found {value}"),
            )
        })
    }

    pub(super) fn only(&self, name: &str, supported: &str) -> Result<()> {
        match self.0.get(name).filter(|v| !v.is_null()) {
            None => Ok(()),
            Some(value) if value.as_str() == Some(supported) => Ok(()),
            Some(value) => Err(Error::Unsupported {
                what: format!("`{name}` {value} in `config.json`"),
                remedy: format!("use a model with `{name}` \"{supported}\""),
            }),
        }
    }
}

/// `id2label` in the order of its ids.
pub(super) fn labels(raw: &Map<String, Value>) -> Result<Vec<String>> {
    let Some(Value::Object(map)) = raw.get("id2label") else { return Ok(Vec::new()) };
    let mut labels = vec![None; map.len()];
    for (id, label) in map {
        let slot = id.parse::<usize>().ok().and_then(|i| labels.get_mut(i));
        match (slot, label.as_str()) {
            (Some(slot), Some(label)) => *slot = Some(label.to_owned()),
            _ => {
                return Err(Error::malformed("config.json", format!("`id2label` has no sense at id `{id}`")));
            }
        }
    }
    labels
        .into_iter()
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| Error::malformed("config.json", "`id2label` names an id twice"))
}
