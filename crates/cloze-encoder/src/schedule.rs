//! Learning-rate schedules.

/// The factor of the learning rate at update `step` (counted from 0) of `total`: it rises linearly over the
/// first `warmup` updates and falls linearly to 0 at `total`.
pub fn linear(step: usize, warmup: usize, total: usize) -> f32 {
    if step < warmup {
        step as f32 / warmup as f32
    } else if step < total {
        (total - step) as f32 / (total - warmup) as f32
    } else {
        0.0
    }
}

/// The factor of the learning rate at update `step` (counted from 0) of `total`: it rises linearly over the
/// first `warmup` updates and falls along half a cosine to 0 at `total` (Loshchilov & Hutter, 2017, without restarts).
pub fn cosine(step: usize, warmup: usize, total: usize) -> f32 {
    if step < warmup || step >= total {
        return linear(step, warmup, total);
    }
    let share = (step - warmup) as f64 / (total - warmup) as f64;
    (0.5 * (1.0 + (std::f64::consts::PI * share).cos())) as f32
}

#[cfg(test)]
mod tests {
    use super::{cosine, linear};

    #[test]
    fn it_rises_over_the_warmup_and_ends_at_zero() {
        let factors: Vec<f32> = (0..6).map(|step| linear(step, 2, 5)).collect();
        assert_eq!(factors, [0.0, 0.5, 1.0, 2.0 / 3.0, 1.0 / 3.0, 0.0]);
        assert_eq!(linear(0, 0, 4), 1.0);
        assert_eq!(linear(3, 3, 3), 0.0);
    }

    #[test]
    fn the_cosine_rises_alike_and_falls_slowly_first_and_last() {
        let factors: Vec<f32> = (0..8).map(|step| cosine(step, 2, 6)).collect();
        assert_eq!(factors[..3], [0.0, 0.5, 1.0]);
        assert!((factors[3] - 0.853_553_4).abs() < 1e-6 && (factors[4] - 0.5).abs() < 1e-6, "{factors:?}");
        assert_eq!(factors[6..], [0.0, 0.0]);
    }
}
