//! Times the encoder and prints one JSON line, in the fields that `benches/torch_step.py` prints too.

#![forbid(unsafe_code)]

mod product;
mod step;

use clap::Parser;
use cloze_encoder::{Device, Kernels};

/// Time a forward pass or a training step of a masked language model with random weights.
#[derive(Parser)]
struct Args {
    /// mini (4 x 256), minilm (6 x 384), base (12 x 768), albert (12 x 768, layers shared) or albert-xxlarge (12 x 4096).
    #[arg(long, default_value = "minilm")]
    model: String,
    /// fwd or train; or product, for matrix products alone.
    #[arg(long, default_value = "train")]
    mode: String,
    /// Sequences in the batch.
    #[arg(long, default_value_t = 8)]
    batch: usize,
    /// Tokens of every sequence.
    #[arg(long, default_value_t = 128)]
    seq: usize,
    /// A file with one sequence length per line: such batches instead of equal ones.
    #[arg(long)]
    lengths: Option<std::path::PathBuf>,
    /// masked: every masked token against the whole vocabulary; words: one mask per sequence against ten words,
    /// as pattern-exploiting training does.
    #[arg(long, default_value = "masked")]
    head: String,
    /// Dropout rate in training.
    #[arg(long, default_value_t = 0.1)]
    dropout: f32,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// portable, avx2, avx512, avx512-bf16 or amx-bf16; the best for the type by default.
    #[arg(long)]
    kernels: Option<Kernels>,
    /// What products multiply: f32, or bf16 where the machine is faster with it.
    #[arg(long, default_value = "f32", value_parser = ["f32", "bf16"])]
    dtype: String,
    /// Keep only the inputs of the layers in training, and compute the rest again.
    #[arg(long)]
    recompute: bool,
    /// Seconds to measure for.
    #[arg(long, default_value_t = 10.0)]
    budget: f64,
}

impl Args {
    fn device(&self) -> Device {
        let device = Device::with_kernels(self.threads, self.kernels.unwrap_or(Kernels::detect()));
        if self.dtype == "bf16" { device.bf16() } else { device }
    }
}

/// What the products of a device multiply.
fn dtype(device: &Device) -> &'static str {
    if device.kernels().is_bf16() { "bf16" } else { "f32" }
}

fn main() {
    let args = Args::parse();
    match args.mode.as_str() {
        "product" => product::time(&args),
        _ => println!("{}", step::time(&args)),
    }
}
