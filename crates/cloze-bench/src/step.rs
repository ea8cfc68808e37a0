//! A forward pass or a training step, again and again.

use std::time::Instant;

use cloze_encoder::{AdamW, Batch, Config, Mode, Model, Rng, Sequence, Session, Vocab, loss};
use serde_json::{Value, json};

use crate::Args;

/// A batch with 15 % of its tokens to predict, as `benches/torch_step.py` has it.
struct Work {
    batch: Batch,
    rows: Vec<u32>,
    targets: Vec<u32>,
}

const MASK: u32 = 103;

fn config(model: &str) -> Config {
    let (family, layers, hidden, heads) = match model {
        "mini" => ("bert", 4, 256, 4),
        "minilm" => ("bert", 6, 384, 12),
        "base" => ("bert", 12, 768, 12),
        "albert" => ("albert", 12, 768, 12),
        "albert-xxlarge" => ("albert", 12, 4096, 64),
        other => panic!("no model `{other}`: see --help"),
    };
    let (vocabulary, activation) = if family == "albert" { (30000, "gelu_new") } else { (30522, "gelu") };
    let json = json!({
        "model_type": family, "vocab_size": vocabulary, "hidden_size": hidden, "num_hidden_layers": layers,
        "num_attention_heads": heads, "intermediate_size": 4 * hidden, "max_position_embeddings": 512,
        "type_vocab_size": 2, "hidden_act": activation, "layer_norm_eps": 1e-12, "embedding_size": 128,
    });
    Config::from_json(json.to_string().as_bytes()).expect("the configuration above is one")
}

fn work(lengths: &[usize], vocab: usize, random: &mut Rng) -> Work {
    let mut work = Work { batch: Batch::new(), rows: Vec::new(), targets: Vec::new() };
    for (i, len) in lengths.iter().enumerate() {
        let mut ids: Vec<u32> = (0..*len).map(|_| 5 + random.gen_range(0..vocab - 5) as u32).collect();
        let mut places: Vec<usize> = (0..*len).collect();
        random.shuffle(&mut places);
        places.truncate((len * 15 / 100).max(1));
        for place in &places {
            work.targets.push(std::mem::replace(&mut ids[*place], MASK));
        }
        work.batch.push(&Sequence { type_ids: vec![0; ids.len()], ids });
        work.rows.extend(places.iter().map(|place| work.batch.index(i, *place)));
    }
    work
}

/// Batches of the lengths in the file, or one of equal lengths.
fn works(args: &Args, vocab: usize) -> Vec<Work> {
    let mut random = Rng::new(1);
    match &args.lengths {
        None => vec![work(&vec![args.seq; args.batch], vocab, &mut random)],
        Some(path) => {
            let text = std::fs::read_to_string(path).expect("the file of lengths can be read");
            let lengths: Vec<usize> = text.lines().map(|l| l.parse().expect("a length")).collect();
            lengths.chunks_exact(args.batch).map(|l| work(l, vocab, &mut random)).collect()
        }
    }
}

fn one(session: &mut Session, work: &Work, head: &str, train: bool, step: u64) -> f32 {
    const WORDS: [u32; 10] = [1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10000];

    let device = session.device().clone();
    let mode = if train { Mode::Train { dropout_seed: step } } else { Mode::Predict };
    let loss = if head == "words" {
        let rows: Vec<u32> = (0..work.batch.len()).map(|i| work.batch.index(i, 1)).collect();
        let labels: Vec<u32> = (0..rows.len() as u32).map(|i| i % 10).collect();
        let logits = session.mask_logits(&work.batch, &rows, Vocab::Subset(&WORDS), mode);
        loss::cross_entropy(&device, logits, &labels, 1.0)
    } else {
        let logits = session.mask_logits(&work.batch, &work.rows, Vocab::All, mode);
        loss::cross_entropy(&device, logits, &work.targets, 1.0)
    };
    if train {
        session.backward_in_place();
        let adamw = AdamW { learning_rate: 5e-5, max_grad_norm: f32::INFINITY, ..AdamW::default() };
        session.update(&adamw);
    }
    loss
}

pub(crate) fn time(args: &Args) -> Value {
    let config = config(&args.model).with_dropout(args.dropout);
    let device = args.device();
    let works = works(args, config.vocab_size);
    let mut session = Session::new(Model::untrained(config, 1), &device);
    session.set_recompute(args.recompute);
    let train = args.mode == "train";

    let first = one(&mut session, &works[0], &args.head, train, 0);
    let (mut last, mut step) = (first, 1);
    for work in works.iter().take(2) {
        one(&mut session, work, &args.head, train, step);
        step += 1;
    }
    let (mut ms, mut tokens, begin) = (Vec::new(), 0, Instant::now());
    while begin.elapsed().as_secs_f64() < args.budget || ms.len() < 5 {
        let work = &works[step as usize % works.len()];
        let start = Instant::now();
        last = one(&mut session, work, &args.head, train, step);
        ms.push(start.elapsed().as_secs_f64() * 1e3);
        tokens += work.batch.tokens();
        step += 1;
    }
    let seconds: f64 = ms.iter().sum::<f64>() / 1e3;
    ms.sort_by(f64::total_cmp);
    json!({
        "engine": "cloze", "kernels": device.kernels().name(), "model": args.model, "mode": args.mode,
        "dtype": crate::dtype(&device), "head": args.head, "dropout": args.dropout,
        "recompute": args.recompute, "batch": args.batch,
        "seq": if args.lengths.is_some() { json!("ragged") } else { json!(args.seq) },
        "threads": args.threads, "n": ms.len(), "ms": ms[ms.len() / 2], "ms_min": ms[0],
        "ms_max": ms[ms.len() - 1], "tokens_per_second": tokens as f64 / seconds, "rss_mb": peak_memory(),
        "loss0": first, "loss": last,
    })
}

/// The largest resident memory so far in MB, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kb| kb / 1024)
}
