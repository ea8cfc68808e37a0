//! What an option can be: its kind, its range and its value.

use std::fmt;

use super::choice::Choice;

/// The value of an option. It is shown as a task file has it.
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
            // Many digits without a point are an integer to TOML, and too large for one.
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

/// What kind of value an option has.
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

    /// What a task file says for it.
    fn to_value(&self) -> Value;

    /// The other way round; `None` for a value of another kind.
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

/// The numbers that an option may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Whether a number is among them.
    pub(super) fits: fn(f64) -> bool,
    /// The same in words that go on from "must be"; empty where every number of the kind fits.
    pub(super) allowed: &'static str,
}

/// No bounds but those of the kind.
pub(super) const ANY: Bounds = Bounds { fits: |_| true, allowed: "" };
/// Counts beyond this are a slip of the finger: no machine gets there.
pub(super) const COUNT: Bounds =
    Bounds { fits: |number| (1.0..=1e6).contains(&number), allowed: "from 1 to 1000000" };
/// The same where nothing at all is an answer, too.
pub(super) const COUNT_OR_NONE: Bounds = Bounds { fits: |number| number <= 1e6, allowed: "at most 1000000" };
/// What is computed with is float32.
pub(super) const RATE: Bounds = Bounds {
    fits: |number| number as f32 > 0.0 && (number as f32).is_finite(),
    allowed: "above 0, and within the range of float32",
};
/// AdamW's weight decay.
pub(super) const DECAY: Bounds =
    Bounds { fits: |number| (0.0..=100.0).contains(&number), allowed: "from 0 to 100" };
/// A part of a whole.
pub(super) const SHARE: Bounds =
    Bounds { fits: |number| (0.0..=1.0).contains(&number), allowed: "from 0 to 1" };
/// A part of a whole that leaves something.
pub(super) const SHARE_BELOW_ONE: Bounds =
    Bounds { fits: |number| (0.0..1.0).contains(&number), allowed: "at least 0 and below 1" };
/// A part of a whole that is something.
pub(super) const SHARE_ABOVE_ZERO: Bounds =
    Bounds { fits: |number| number > 0.0 && number <= 1.0, allowed: "above 0 and at most 1" };
/// A factor by which something grows.
pub(super) const FACTOR: Bounds =
    Bounds { fits: |number| (1.0..=1000.0).contains(&number), allowed: "from 1 to 1000" };
/// Generations of ensembles.
pub(super) const GENERATIONS: Bounds =
    Bounds { fits: |number| (1.0..=100.0).contains(&number), allowed: "from 1 to 100" };
/// The temperature of a softmax.
pub(super) const TEMPERATURE: Bounds =
    Bounds { fits: |number| (0.01..=1000.0).contains(&number), allowed: "from 0.01 to 1000" };
/// Tokens of an input: the special ones, the mask and a few more.
pub(super) const TOKENS: Bounds = Bounds { fits: |number| number >= 8.0, allowed: "at least 8 tokens" };
