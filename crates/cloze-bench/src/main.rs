//! Times the encoder and prints one JSON line, in the fields that `benches/torch_step.py` prints too.

mod product;
mod step;

use clap::Parser;

/// Time a forward pass or a training step of a masked language model with random weights.
#[derive(Parser)]
struct Args {
    /// mini (4 x 256), minilm (6 x 384) or base (12 x 768).
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
    /// portable, avx2 or avx512; the best by default.
    #[arg(long)]
    kernels: Option<cloze_encoder::Kernels>,
    /// Seconds to measure for.
    #[arg(long, default_value_t = 10.0)]
    budget: f64,
}

fn main() {
    let args = Args::parse();
    match args.mode.as_str() {
        "product" => product::time(&args),
        _ => println!("{}", step::time(&args)),
    }
}
