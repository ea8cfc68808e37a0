//! How many labels are needed: a person who labels rows one by one is simulated, who always gives the right label. Prints one JSON line for each
//! order and seed, with the accuracy on test rows after every few labels.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Parser;
use cloze::labelling::{Answers, Committee, Extractor, Features, Order, Prior, patterns};
use cloze::{Model, ReadOptions, Reader, Result};
use cloze_encoder::{Device, Rng};
use serde_json::json;

/// Simulate labelling with the instant tier of `cloze label`.
#[derive(Parser)]
struct Args {
    /// The folder with a folder for each set, which has pool.csv and test.csv with a column `label`.
    #[arg(long)]
    data: PathBuf,
    /// The sets, separated by commas.
    #[arg(long, value_delimiter = ',')]
    sets: Vec<String>,
    /// The directory of the model.
    #[arg(long, default_value = "models/cloze-mini-en")]
    model: PathBuf,
    /// How many labels are given.
    #[arg(long, default_value_t = 200)]
    labels: usize,
    /// After how many labels accuracy is measured.
    #[arg(long, default_value_t = 5)]
    every: usize,
    /// Rows to choose from.
    #[arg(long, default_value_t = 2000)]
    pool: usize,
    /// Rows to measure on.
    #[arg(long, default_value_t = 1000)]
    test: usize,
    /// Different samples and orders.
    #[arg(long, default_value_t = 5)]
    seeds: u64,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

/// Rows with their labels.
struct Rows {
    texts: Vec<Vec<String>>,
    labels: Vec<String>,
    columns: Vec<String>,
}

fn read(path: &Path, most: usize) -> Result<Rows> {
    let reader = Reader::open(path, ReadOptions::default())?;
    let columns = reader.columns().to_vec();
    let label = columns.iter().position(|name| name == "label").unwrap_or(columns.len() - 1);
    let mut all: Vec<Vec<String>> = reader.collect::<Result<_>>()?;
    let total = all.len();
    if total > most {
        all = (0..most).map(|row| all[row * total / most].clone()).collect();
    }
    let labels = all.iter_mut().map(|row| row.remove(label)).collect();
    Ok(Rows { texts: all, labels, columns: columns.into_iter().filter(|name| name != "label").collect() })
}

/// What is known of a set before anything is labelled.
struct Set {
    features: Features,
    prior: Option<Prior>,
    /// The label of every row; those of the pool come first.
    gold: Vec<usize>,
    labels: usize,
    pool: usize,
}

fn prepare(args: &Args, set: &str) -> Result<Set> {
    let pool = read(&args.data.join(set).join("pool.csv"), args.pool)?;
    let test = read(&args.data.join(set).join("test.csv"), args.test)?;
    let names: Vec<String> =
        BTreeMap::from_iter(pool.labels.iter().map(|label| (label, ()))).into_keys().cloned().collect();
    let texts: Vec<Vec<String>> = pool.texts.iter().chain(&test.texts).cloned().collect();
    let asked = texts.iter().flatten().filter(|text| text.trim_end().ends_with('?')).count();
    let patterns = patterns(&pool.columns, &names, asked as f64 / texts.len() as f64);
    let device = Device::new(args.threads);
    let mut extractor = Extractor::new(&Model::open(&args.model)?, &patterns, &pool.columns, &device)?;
    let mut features = extractor.features();
    for chunk in texts.chunks(64) {
        features.add(&extractor.read(chunk)?);
    }
    features.settle();
    let words = extractor.words(&names.iter().map(|name| (name.as_str(), "")).collect::<Vec<_>>());
    let prior = words.map(|words| extractor.prior(&features, &words)).transpose()?;
    let index = |label: &String| names.binary_search(label).unwrap_or(0);
    let gold = pool.labels.iter().chain(&test.labels).map(index).collect();
    Ok(Set { features, prior, gold, labels: names.len(), pool: pool.texts.len() })
}

/// Accuracy after so many labels, and the milliseconds that a label took at the end.
fn simulate(args: &Args, set: &Set, order: Option<Order>, seed: u64) -> (BTreeMap<usize, f64>, f64) {
    let Set { features, gold, labels, pool, .. } = set;
    let prior = set.prior.as_ref();
    let mut random = Rng::new(seed);
    let mut left: Vec<usize> = (0..*pool).collect();
    for place in (1..left.len()).rev() {
        left.swap(place, random.gen_range(0..place + 1));
    }
    let mut committee = Committee::new(Answers::One);
    let mut labelled: Vec<(usize, Vec<usize>)> = Vec::new();
    let mut curve = BTreeMap::new();
    let mut milliseconds = 0.0;
    for given in 0..=args.labels.min(*pool) {
        let began = Instant::now();
        let fitted = committee.fit(features, prior, *labels, &labelled);
        let chosen = match order {
            Some(order) if given % 5 != 4 => {
                let mut of_label = vec![0; *labels];
                labelled.iter().flat_map(|(_, labels)| labels).for_each(|label| of_label[*label] += 1);
                let worth = |row: &usize| order.worth(&fitted.opinion(features, prior, *row), &of_label);
                let worths: Vec<f32> = left.iter().map(worth).collect();
                (0..left.len()).max_by(|a, b| worths[*a].total_cmp(&worths[*b])).unwrap_or(0)
            }
            _ => left.len() - 1,
        };
        milliseconds = began.elapsed().as_secs_f64() * 1e3;
        if given % args.every == 0 {
            let right = (*pool..gold.len())
                .filter(|row| fitted.opinion(features, prior, *row).best() == gold[*row])
                .count();
            curve.insert(given, right as f64 / (gold.len() - pool) as f64);
        }
        let row = left.remove(chosen);
        labelled.push((row, vec![gold[row]]));
    }
    (curve, milliseconds)
}

fn main() -> Result<()> {
    let args = Args::parse();
    for name in &args.sets {
        let began = Instant::now();
        let set = prepare(&args, name)?;
        let seconds = began.elapsed().as_secs_f64();
        let orders = [
            ("random", None),
            ("disagreement", Some(Order::Disagreement)),
            ("uncertainty", Some(Order::Uncertainty)),
        ];
        for seed in 0..args.seeds {
            for (order, how) in orders {
                let (curve, milliseconds) = simulate(&args, &set, how, seed);
                let line = json!({"set": name, "order": order, "seed": seed, "curve": curve,
                    "words": set.prior.is_some(), "milliseconds": milliseconds, "seconds_to_read": seconds,
                    "rows": set.gold.len()});
                println!("{line}");
            }
        }
    }
    Ok(())
}
