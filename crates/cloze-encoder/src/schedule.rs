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

#[cfg(test)]
mod tests {
    use super::linear;

    #[test]
    fn it_rises_over_the_warmup_and_ends_at_zero() {
        let factors: Vec<f32> = (0..6).map(|step| linear(step, 2, 5)).collect();
        assert_eq!(factors, [0.0, 0.5, 1.0, 2.0 / 3.0, 1.0 / 3.0, 0.0]);
        assert_eq!(linear(0, 0, 4), 1.0);
        assert_eq!(linear(3, 3, 3), 0.0);
    }
}
