//! Exact bounds for shares (Clopper and Pearson, 1934).

use statrs::function::beta::{beta_reg, inv_beta_reg};

use super::bootstrap::Measured;

/// The probability with which a bound may be wrong.
const DOUBT: f64 = 0.05;

impl Measured {
    /// A share with its exact 95 % interval, which may be wrong by 2.5 % on either side (Clopper and Pearson,
    /// 1934). Of nothing, the share is 0 and may be anything.
    pub fn exact(right: usize, of: usize) -> Measured {
        let value = if of == 0 { 0.0 } else { right as f64 / of as f64 };
        let high = if right == of { 1.0 } else { quantile(right + 1, of - right, 1.0 - DOUBT / 2.0) };
        Measured { value, low: low(right, of, DOUBT / 2.0), high }
    }
}

/// The share that `right` of `of` show with 95 % confidence at least: a one-sided bound.
pub(crate) fn lower_bound(right: usize, of: usize) -> f64 {
    low(right, of, DOUBT)
}

/// Whether `right` of `of` show with 95 % confidence that the share is at least this: whether it is not above
/// [`lower_bound`], which takes longer to compute.
pub(crate) fn shows(right: usize, of: usize, share: f64) -> bool {
    right > 0 && beta_reg(right as f64, (of - right + 1) as f64, share) <= DOUBT
}

fn low(right: usize, of: usize, doubt: f64) -> f64 {
    if right == 0 { 0.0 } else { quantile(right, of - right + 1, doubt) }
}

/// A quantile of the beta distribution; both of its parameters are at least 1.
fn quantile(a: usize, b: usize, share: f64) -> f64 {
    inv_beta_reg(a as f64, b as f64, share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_may_be_anything() {
        assert_eq!(Measured::exact(0, 0), Measured { value: 0.0, low: 0.0, high: 1.0 });
        assert_eq!(lower_bound(0, 10), 0.0);
    }

    #[test]
    fn a_promise_of_95_percent_takes_59_rows_without_an_error() {
        assert!(lower_bound(58, 58) < 0.95 && lower_bound(59, 59) > 0.95);
        assert!(!shows(58, 58, 0.95) && shows(59, 59, 0.95) && !shows(0, 100, 0.01));
    }
}
