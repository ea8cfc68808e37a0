//! TOML values as numbers, and errors for values of the wrong type.

use toml::de::DeValue;

/// A whole number of at least 0; `None` for anything else, or if it is too large for `T`.
pub(super) fn whole<T: TryFrom<u64>>(value: &DeValue) -> Option<T> {
    let integer = value.as_integer()?;
    let number = u64::from_str_radix(&integer.as_str().replace('_', ""), integer.radix()).ok()?;
    number.try_into().ok()
}

/// A number with or without a decimal point.
pub(super) fn float(value: &DeValue) -> Option<f64> {
    if let DeValue::Float(float) = value {
        return float.as_str().replace('_', "").parse().ok();
    }
    let integer = value.as_integer()?;
    let number = i64::from_str_radix(&integer.as_str().replace('_', ""), integer.radix()).ok()?;
    Some(number as f64)
}

/// The problem and the remedy if the value of `key` is not as `expected`.
pub(super) fn wrong_type(key: &str, value: &DeValue, expected: &str) -> (String, String) {
    let found = value.type_str();
    let article = if found.starts_with(['a', 'i', 'o']) { "an" } else { "a" };
    (format!("`{key}` is {article} {found}"), format!("`{key}` must be {expected}"))
}
