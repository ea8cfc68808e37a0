//! Matrix products of the sizes that occur in encoders.

use std::time::Instant;

use serde_json::json;

use crate::Args;

const SHAPES: [(usize, usize, usize); 8] = [
    (1024, 3072, 768),
    (1024, 768, 3072),
    (1024, 768, 768),
    (1024, 1536, 384),
    (1024, 384, 1536),
    (1024, 384, 384),
    (320, 1152, 384),
    (152, 30522, 384),
];

/// Prints a line per shape: the median rate in GFLOP/s.
pub(crate) fn time(args: &Args) {
    let device = args.device();
    for (m, n, k) in SHAPES {
        let numbers = |len: usize| -> Vec<f32> { (0..len).map(|i| (i % 97) as f32 / 97.0 - 0.5).collect() };
        let (a, b, mut c) = (numbers(m * k), numbers(n * k), vec![0.0; m * n]);
        let (mut seconds, begin) = (Vec::new(), Instant::now());
        while begin.elapsed().as_secs_f64() < args.budget / SHAPES.len() as f64 || seconds.len() < 5 {
            let start = Instant::now();
            cloze_encoder::product(&device, m, n, k, &a, &b, &mut c);
            seconds.push(start.elapsed().as_secs_f64());
        }
        seconds.sort_by(f64::total_cmp);
        let rate = |s: f64| (2 * m * n * k) as f64 / s / 1e9;
        println!(
            "{}",
            json!({
                "engine": "cloze", "kernels": device.kernels().name(), "dtype": crate::dtype(&device), "mode": "product", "m": m, "n": n,
                "k": k, "threads": args.threads, "gflops": rate(seconds[seconds.len() / 2]),
                "gflops_max": rate(seconds[0]), "times": seconds.len(),
            })
        );
    }
}
