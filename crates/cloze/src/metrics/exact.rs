//! Exact bounds for shares (Clopper and Pearson, 1934).

use statrs::function::beta::{beta_reg, inv_beta_reg};

use super::bootstrap::Measured;

/// The probability with which a bound, or all bounds of a promise together, may be wrong.
pub(crate) const DOUBT: f64 = 0.05;

impl Measured {
    /// A share with its exact 95 % interval, which may be wrong by 2.5 % on either side (Clopper and Pearson,
    /// 1934). Of nothing, the share is 0 and may be anything.
    pub fn exact(right: usize, of: usize) -> Measured {
        let value = if of == 0 { 0.0 } else { right as f64 / of as f64 };
        let high = if right == of { 1.0 } else { quantile(right + 1, of - right, 1.0 - DOUBT / 2.0) };
        Measured { value, low: lower_bound(right, of, DOUBT / 2.0), high }
    }
}

/// Whether `right` of `of` show, with this probability of being wrong, that the share is at least this: whether
/// it is not above the one-sided [`lower_bound`], which takes longer to compute.
pub(crate) fn shows(right: usize, of: usize, share: f64, doubt: f64) -> bool {
    right > 0 && beta_reg(right as f64, (of - right + 1) as f64, share) <= doubt
}

/// The share that `right` of `of` show at least, with this probability of being wrong.
pub(crate) fn lower_bound(right: usize, of: usize, doubt: f64) -> f64 {
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
        assert_eq!(lower_bound(0, 10, DOUBT), 0.0);
    }

    #[test]
    fn a_promise_of_95_percent_takes_59_rows_without_an_error() {
        assert!(lower_bound(58, 58, DOUBT) < 0.95 && lower_bound(59, 59, DOUBT) > 0.95);
        let shows = |right, of, share| shows(right, of, share, DOUBT);
        assert!(!shows(58, 58, 0.95) && shows(59, 59, 0.95) && !shows(0, 100, 0.01));
    }
}
