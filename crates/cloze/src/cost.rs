//! What work costs: time, processor time and, where the machine tells, energy.

pub(crate) mod machine;
pub(crate) mod meter;
mod rapl;

use std::iter::Sum;
use std::ops::{Add, Mul, Sub};

use serde::{Deserialize, Serialize, Serializer};

/// What work has cost.
///
/// A sum or difference of which a part is unknown is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// The energy that the processors of the whole machine, and its memory where that is counted apart, have
    /// used meanwhile, whichever process they worked for, in joules; `None` if the machine does not tell.
    #[serde(serialize_with = "to_thousandths")]
    pub joules: Option<f64>,
    /// The processor time of all threads of this process, in user and system mode, in seconds; `None` if the
    /// system does not tell.
    #[serde(serialize_with = "to_thousandths")]
    pub cpu_seconds: Option<f64>,
    /// The time that has passed, in seconds.
    #[serde(serialize_with = "to_thousandths")]
    pub wall_seconds: f64,
}

impl Cost {
    /// That of no work.
    pub(crate) const NONE: Cost = Cost { joules: Some(0.0), cpu_seconds: Some(0.0), wall_seconds: 0.0 };

    fn with(self, other: Cost, both: impl Fn(f64, f64) -> f64) -> Cost {
        let known = |one: Option<f64>, other: Option<f64>| Some(both(one?, other?));
        Cost {
            joules: known(self.joules, other.joules),
            cpu_seconds: known(self.cpu_seconds, other.cpu_seconds),
            wall_seconds: both(self.wall_seconds, other.wall_seconds),
        }
    }
}

impl Add for Cost {
    type Output = Cost;

    fn add(self, more: Cost) -> Cost {
        self.with(more, |one, other| one + other)
    }
}

impl Sub for Cost {
    type Output = Cost;

    fn sub(self, part: Cost) -> Cost {
        self.with(part, |one, other| one - other)
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Cost>>(costs: I) -> Cost {
        costs.fold(Cost::NONE, Cost::add)
    }
}

impl Mul<f64> for Cost {
    type Output = Cost;

    fn mul(self, times: f64) -> Cost {
        self.with(self, |one, _| one * times)
    }
}

/// What is measured is not more exact than this.
fn to_thousandths<S: Serializer>(
    value: &(impl Into<Option<f64>> + Copy),
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let value: Option<f64> = (*value).into();
    value.map(|value| (value * 1000.0).round() / 1000.0).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_of_a_part_is_unknown_of_the_whole() {
        let known = Cost { joules: Some(0.1), cpu_seconds: Some(2.0), wall_seconds: 1.0 };
        let unknown = Cost { joules: None, ..known };
        let sum: Cost = [known, known, known].into_iter().sum();
        let text = r#"{"joules":0.3,"cpu_seconds":6.0,"wall_seconds":3.0}"#;
        assert_eq!(serde_json::to_string(&sum).unwrap(), text);
        assert_eq!(known + unknown - known, unknown);
        assert_eq!(unknown * 2.0, Cost { joules: None, cpu_seconds: Some(4.0), wall_seconds: 2.0 });
        let text = serde_json::to_string(&unknown).unwrap();
        assert_eq!(text, r#"{"joules":null,"cpu_seconds":2.0,"wall_seconds":1.0}"#);
        assert_eq!(serde_json::from_str::<Cost>(&text).unwrap(), unknown);
    }
}
