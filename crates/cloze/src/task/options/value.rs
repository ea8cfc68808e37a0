//! The kind, range and value of an option.

use std::fmt;

use super::choice::Choice;

/// The value of an option, displayed as in a task file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// A whole number of at least 0.
    Whole(usize),
    /// A number.
    Number(f64),
    /// Yes or no.
    Switch(bool),
    /// One of several words.
    Word(&'static str),
    /// Random seeds.
    Seeds(Vec<u64>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Whole(number) => number.fmt(f),
            // TOML reads many digits without a decimal point as an integer, and this one would be too large.
            Value::Number(number) if number.abs() >= 1e15 => write!(f, "{number:e}"),
            Value::Number(number) => number.fmt(f),
            Value::Switch(value) => value.fmt(f),
            Value::Word(word) => write!(f, "\"{word}\""),
            Value::Seeds(seeds) => {
                let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
                write!(f, "[{}]", seeds.join(", "))
            }
        }
    }
}

/// The kind of value that an option has.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// [`Value::Whole`].
    Whole,
    /// [`Value::Number`].
    Number,
    /// [`Value::Switch`].
    Switch,
    /// [`Value::Word`], with the words.
    Word(fn() -> Vec<&'static str>),
    /// [`Value::Seeds`].
    Seeds,
}

/// A Rust type that an option can have.
pub(super) trait Typed: Sized {
    /// The kind of its values.
    const KIND: Kind;

    /// The value as written in a task file.
    fn to_value(&self) -> Value;

    /// The inverse; `None` for a value of another kind.
    fn of_value(value: &Value) -> Option<Self>;
}

impl Typed for usize {
    const KIND: Kind = Kind::Whole;

    fn to_value(&self) -> Value {
        Value::Whole(*self)
    }

    fn of_value(value: &Value) -> Option<Self> {
        if let Value::Whole(number) = value { Some(*number) } else { None }
    }
}

impl Typed for f64 {
    const KIND: Kind = Kind::Number;

    fn to_value(&self) -> Value {
        Value::Number(*self)
    }

    fn of_value(value: &Value) -> Option<Self> {
        if let Value::Number(number) = value { Some(*number) } else { None }
    }
}

impl Typed for bool {
    const KIND: Kind = Kind::Switch;

    fn to_value(&self) -> Value {
        Value::Switch(*self)
    }

    fn of_value(value: &Value) -> Option<Self> {
        if let Value::Switch(value) = value { Some(*value) } else { None }
    }
}

/// Random seeds, all different.
pub(super) type Seeds = Vec<u64>;

impl Typed for Seeds {
    const KIND: Kind = Kind::Seeds;

    fn to_value(&self) -> Value {
        Value::Seeds(self.clone())
    }

    fn of_value(value: &Value) -> Option<Self> {
        if let Value::Seeds(seeds) = value { Some(seeds.clone()) } else { None }
    }
}

impl<T: Choice> Typed for T {
    const KIND: Kind = Kind::Word(|| T::ALL.iter().map(|(word, _)| *word).collect());

    fn to_value(&self) -> Value {
        Value::Word(self.word())
    }

    fn of_value(value: &Value) -> Option<Self> {
        if let Value::Word(word) = value { T::of(word) } else { None }
    }
}

/// The range of numbers that an option allows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Whether a number is in the range.
    pub(super) fits: fn(f64) -> bool,
    /// The range in words, following "must be"; empty if every number of the kind is allowed.
    pub(super) allowed: &'static str,
}

/// No limits beyond those of the kind.
pub(super) const ANY: Bounds = Bounds { fits: |_| true, allowed: "" };
/// A count above this limit is surely a typing mistake.
pub(super) const COUNT: Bounds =
    Bounds { fits: |number| (1.0..=1e6).contains(&number), allowed: "from 1 to 1000000" };
/// The same, with 0 allowed.
pub(super) const COUNT_OR_NONE: Bounds = Bounds { fits: |number| number <= 1e6, allowed: "at most 1000000" };
/// Computation is in float32.
pub(super) const RATE: Bounds = Bounds {
    fits: |number| number as f32 > 0.0 && (number as f32).is_finite(),
    allowed: "above 0, and within the range of float32",
};
/// AdamW's weight decay.
pub(super) const DECAY: Bounds =
    Bounds { fits: |number| (0.0..=100.0).contains(&number), allowed: "from 0 to 100" };
/// A fraction.
pub(super) const SHARE: Bounds =
    Bounds { fits: |number| (0.0..=1.0).contains(&number), allowed: "from 0 to 1" };
/// A fraction below the whole.
pub(super) const SHARE_BELOW_ONE: Bounds =
    Bounds { fits: |number| (0.0..1.0).contains(&number), allowed: "at least 0 and below 1" };
/// A fraction above zero.
pub(super) const SHARE_ABOVE_ZERO: Bounds =
    Bounds { fits: |number| number > 0.0 && number <= 1.0, allowed: "above 0 and at most 1" };
/// A growth factor.
pub(super) const FACTOR: Bounds =
    Bounds { fits: |number| (1.0..=1000.0).contains(&number), allowed: "from 1 to 1000" };
/// A number of generations.
pub(super) const GENERATIONS: Bounds =
    Bounds { fits: |number| (1.0..=100.0).contains(&number), allowed: "from 1 to 100" };
/// The temperature of a softmax.
pub(super) const TEMPERATURE: Bounds =
    Bounds { fits: |number| (0.01..=1000.0).contains(&number), allowed: "from 0.01 to 1000" };
/// A number of input tokens: enough for the special tokens, the mask and a few more.
pub(super) const TOKENS: Bounds = Bounds { fits: |number| number >= 8.0, allowed: "at least 8 tokens" };
