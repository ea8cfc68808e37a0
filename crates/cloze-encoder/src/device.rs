//! The compute device: a thread pool and the kernels that the processor supports.

use std::sync::Arc;

use crate::kernel::{Kernels, Mat, MatMut, Start, gemm};

/// A pool of threads and a set of kernels. Cheap to clone; clones share the pool.
#[derive(Clone)]
pub struct Device {
    pool: Arc<rayon::ThreadPool>,
    kernels: Kernels,
}

impl Device {
    /// A device of `threads` threads (at least one) with the fastest kernels of this processor.
    pub fn new(threads: usize) -> Device {
        Device::with_kernels(threads, Kernels::detect())
    }

    /// The same with a given set of kernels, or the portable ones if the processor does not support them.
    pub fn with_kernels(threads: usize, kernels: Kernels) -> Device {
        let kernels = if kernels.available() { kernels } else { Kernels::Portable };
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.max(1))
            .thread_name(|i| format!("cloze-{i}"))
            .build()
            .expect("the operating system can start the threads of a small pool");
        Device { pool: Arc::new(pool), kernels }
    }

    /// The same threads, with matrix products in bfloat16 (everything else stays in float32), or the same
    /// device if that would not be faster or is already the case.
    pub fn bf16(&self) -> Device {
        match Kernels::detect_bf16() {
            Some(kernels) if !self.kernels.is_bf16() => Device { pool: self.pool.clone(), kernels },
            _ => self.clone(),
        }
    }

    /// As many threads as the process can run in parallel.
    pub fn all_cores() -> Device {
        Device::new(std::thread::available_parallelism().map_or(1, usize::from))
    }

    /// The number of threads.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// The set of kernels in use.
    pub fn kernels(&self) -> Kernels {
        self.kernels
    }

    /// Runs `work` inside the pool, where matrix products and passes are distributed over its threads. Code
    /// that calls a session many times in a row thus enters the pool only once.
    pub fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.pool.install(work)
    }
}

/// The matrix product `c` `[m, n]` = `a` `[m, k]` times the transpose of `b` `[n, k]`, on the threads of a device.
///
/// # Panics
/// If the sizes do not match.
pub fn product(device: &Device, m: usize, n: usize, k: usize, a: &[f32], b: &[f32], c: &mut [f32]) {
    let (a, b, c) = (Mat::new(a, m, k), Mat::new(b, n, k).transpose(), MatMut::new(c, m, n));
    device.run(|| gemm(device.kernels(), a, b, c, Start::Zero));
}
