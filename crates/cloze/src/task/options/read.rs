//! Converts TOML values to option values.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeValue;

use super::table::OptionSpec;
use super::value::{Kind, Value};
use crate::error::list;
use crate::task::toml_value::{float, whole, wrong_type};

/// A mistake in a value.
#[derive(Debug)]
pub(crate) struct Wrong {
    /// Its position in the text.
    pub(crate) span: Range<usize>,
    pub(crate) problem: String,
    pub(crate) remedy: String,
}

impl OptionSpec {
    /// Reads the option's value and reports all mistakes in it, except for being out of range.
    pub(crate) fn read(&self, value: &Spanned<DeValue>) -> Result<Value, Vec<Wrong>> {
        let wrong = |expected| {
            let (problem, remedy) = wrong_type(self.key, value.get_ref(), expected);
            vec![Wrong { span: value.span(), problem, remedy }]
        };
        match (self.kind, value.get_ref()) {
            (Kind::Whole, found) => {
                whole(found).map(Value::Whole).ok_or_else(|| wrong("a whole number of at least 0"))
            }
            (Kind::Number, found) => float(found).map(Value::Number).ok_or_else(|| wrong("a number")),
            (Kind::Switch, DeValue::Boolean(value)) => Ok(Value::Switch(*value)),
            (Kind::Switch, _) => Err(wrong("true or false")),
            (Kind::Word(words), DeValue::String(word)) => {
                self.word(word, words()).map_err(|wrong| vec![Wrong { span: value.span(), ..wrong }])
            }
            (Kind::Word(_), _) => Err(wrong("text in quotes")),
            (Kind::Seeds, DeValue::Array(items)) => self.seeds(items),
            (Kind::Seeds, _) => Err(wrong("a list of whole numbers")),
        }
    }

    /// The value of an option that is one of several words.
    pub(super) fn word(&self, word: &str, words: Vec<&'static str>) -> Result<Value, Wrong> {
        words.iter().find(|known| **known == word).map(|known| Value::Word(known)).ok_or_else(|| Wrong {
            span: 0..0,
            problem: format!("`{word}` is not a value of `{}`", self.key),
            remedy: format!("the values are {}", list(words)),
        })
    }

    fn seeds<'a>(
        &self,
        items: impl IntoIterator<Item = &'a Spanned<DeValue<'a>>>,
    ) -> Result<Value, Vec<Wrong>> {
        let (mut seeds, mut wrong) = (Vec::new(), Vec::new());
        for item in items {
            let (problem, remedy) = match whole::<u64>(item.get_ref()) {
                Some(seed) if seeds.contains(&seed) => {
                    let remedy = "list every seed once; a different seed trains a different model";
                    (format!("the seed {seed} is in `{}` twice", self.key), remedy.to_owned())
                }
                Some(seed) => {
                    seeds.push(seed);
                    continue;
                }
                None => wrong_type(self.key, item.get_ref(), "a list of whole numbers"),
            };
            wrong.push(Wrong { span: item.span(), problem, remedy });
        }
        if wrong.is_empty() { Ok(Value::Seeds(seeds)) } else { Err(wrong) }
    }
}
