//! A second implementation of the encoder, as simple as possible: one sequence at a time, in float64, without
//! optimisations. The results of the real one are compared with it on models and batches of any shape.

use proptest::prelude::*;

use crate::family::Activation;
use crate::network::Network;
use crate::parameters::{Kind, LinearRanges, NormRanges};
use crate::{
    Batch, Classifier, Config, Device, Family, Head, Kernels, MaskedLm, Mode, Model, Rng, Sequence, Session,
    Vocab, loss,
};

/// Rows of numbers.
type Rows = Vec<Vec<f64>>;

struct Plain<'m, H> {
    network: &'m Network,
    head: &'m H,
    values: Vec<f64>,
}

/// The outputs of a head in the real engine and the plain one.
trait Heads: Head + Sized {
    /// An untrained model.
    fn model(config: &Config, seed: u64) -> Model<Self>;

    /// The logits computed by the real engine.
    fn logits<'s>(
        session: &'s mut Session<Self>,
        case: &Case,
        batch: &Batch,
        rows: &[u32],
        mode: Mode,
    ) -> &'s mut [f32];

    /// The logits of a hidden state: those of `columns`, or those of the labels.
    fn plain(plain: &Plain<Self>, state: &[f64], columns: &[u32]) -> Vec<f64>;
}

impl Heads for MaskedLm {
    fn model(config: &Config, seed: u64) -> Model {
        Model::untrained(config.clone(), seed)
    }

    fn logits<'s>(
        session: &'s mut Session,
        case: &Case,
        batch: &Batch,
        rows: &[u32],
        mode: Mode,
    ) -> &'s mut [f32] {
        session.mask_logits(batch, rows, Vocab::Subset(&case.columns), mode)
    }

    fn plain(plain: &Plain<MaskedLm>, state: &[f64], columns: &[u32]) -> Vec<f64> {
        let MaskedLm { dense, norm, decoder, bias } = plain.head;
        let function = plain.network.config.mask_activation();
        let transformed: Vec<f64> =
            plain.linear(dense, state).iter().map(|x| activate(function, *x)).collect();
        let decoded = plain.norm(norm, &transformed);
        let decode = |id: &u32| {
            let row = &plain.values[decoder.start + *id as usize * decoded.len()..][..decoded.len()];
            dot(row, &decoded) + plain.values[bias.start + *id as usize]
        };
        columns.iter().map(decode).collect()
    }
}

impl Heads for Classifier {
    fn model(config: &Config, seed: u64) -> Model<Classifier> {
        Model::untrained_classifier(config, &config.labels, seed)
    }

    fn logits<'s>(
        session: &'s mut Session<Classifier>,
        _: &Case,
        batch: &Batch,
        _: &[u32],
        mode: Mode,
    ) -> &'s mut [f32] {
        session.class_logits(batch, mode)
    }

    fn plain(plain: &Plain<Classifier>, state: &[f64], _: &[u32]) -> Vec<f64> {
        let Classifier { dense, output } = plain.head;
        let function = plain.network.config.family.class_head.activation;
        let transformed: Vec<f64> =
            plain.linear(dense, state).iter().map(|x| activate(function, *x)).collect();
        plain.linear(output, &transformed)
    }
}

impl<'m, H: Heads> Plain<'m, H> {
    fn new(model: &'m Model<H>) -> Plain<'m, H> {
        let values = model.network.values.iter().map(|x| f64::from(*x)).collect();
        Plain { network: &model.network, head: &model.head, values }
    }

    fn linear(&self, ranges: &LinearRanges, x: &[f64]) -> Vec<f64> {
        let (weight, bias) = (&self.values[ranges.weight.clone()], &self.values[ranges.bias.clone()]);
        weight.chunks(x.len()).zip(bias).map(|(row, bias)| dot(row, x) + bias).collect()
    }

    fn norm(&self, ranges: &NormRanges, x: &[f64]) -> Vec<f64> {
        let n = x.len() as f64;
        let mean = x.iter().sum::<f64>() / n;
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        let scale = 1.0 / (variance + f64::from(self.network.config.layer_norm_eps)).sqrt();
        let (gamma, bias) = (&self.values[ranges.gamma.clone()], &self.values[ranges.bias.clone()]);
        x.iter().zip(gamma).zip(bias).map(|((x, gamma), bias)| (x - mean) * scale * gamma + bias).collect()
    }

    fn embed(&self, sequence: &Sequence) -> Rows {
        let (config, layout) = (&self.network.config, &self.network.layout);
        let size = config.embedding_size;
        let row = |table: &std::ops::Range<usize>, i: usize| &self.values[table.start + i * size..][..size];
        let token = |(i, (id, kind)): (usize, (&u32, &u8))| {
            let mut sum = row(&layout.words, *id as usize).to_vec();
            add(&mut sum, row(&layout.positions, config.first_position() + i));
            match config.type_vocab_size {
                0 => {}
                1 => add(&mut sum, row(&layout.types, 0)),
                _ => add(&mut sum, row(&layout.types, usize::from(*kind))),
            }
            let normed = self.norm(&layout.norm, &sum);
            layout.projection.as_ref().map_or(normed.clone(), |ranges| self.linear(ranges, &normed))
        };
        sequence.ids.iter().zip(&sequence.type_ids).enumerate().map(token).collect()
    }

    /// The last hidden states of a sequence.
    fn encode(&self, sequence: &Sequence) -> Rows {
        let config = &self.network.config;
        let (hidden, size) = (config.hidden_size, config.head_size());
        let mut states = self.embed(sequence);
        for ranges in &self.network.layout.layers {
            let qkv: Rows = states.iter().map(|x| self.linear(&ranges.qkv, x)).collect();
            let after = |(i, state): (usize, &Vec<f64>)| {
                let mut context = vec![0.0; hidden];
                for head in (0..hidden).step_by(size) {
                    let part = |row: &'_ [f64], which: usize| row[which * hidden + head..][..size].to_vec();
                    let query = part(&qkv[i], 0);
                    let scores = qkv.iter().map(|row| dot(&query, &part(row, 1)) / (size as f64).sqrt());
                    let weights = softmax(&scores.collect::<Vec<f64>>());
                    for (weight, row) in weights.iter().zip(&qkv) {
                        let value: Vec<f64> = part(row, 2).iter().map(|v| v * weight).collect();
                        add(&mut context[head..head + size], &value);
                    }
                }
                let mut sum = self.linear(&ranges.attention_output, &context);
                add(&mut sum, state);
                let attended = self.norm(&ranges.attention_norm, &sum);
                let up = self.linear(&ranges.up, &attended);
                let activated: Vec<f64> = up.iter().map(|x| activate(config.activation, *x)).collect();
                let mut sum = self.linear(&ranges.down, &activated);
                add(&mut sum, &attended);
                self.norm(&ranges.output_norm, &sum)
            };
            states = states.iter().enumerate().map(after).collect();
        }
        states
    }

    /// The logits of every sequence at its row, one after the other.
    fn logits(&self, case: &Case) -> Rows {
        let at = case.sequences.iter().zip(&case.rows);
        at.map(|(sequence, row)| H::plain(self, &self.encode(sequence)[*row], &case.columns)).collect()
    }

    /// The sum of the last states of all tokens, each number multiplied by its weight.
    fn pull(&self, case: &Case, weights: &[f32]) -> f64 {
        let states = case.sequences.iter().flat_map(|sequence| self.encode(sequence)).flatten();
        states.zip(weights).map(|(state, weight)| state * f64::from(*weight)).sum()
    }

    /// The mean cross-entropy with class i % classes for sequence i.
    fn loss(&self, case: &Case) -> f64 {
        let logits = self.logits(case);
        let costs = logits.iter().enumerate().map(|(i, row)| -softmax(row)[i % row.len()].ln());
        costs.sum::<f64>() / logits.len() as f64
    }
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

fn add(x: &mut [f64], y: &[f64]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
}

fn softmax(x: &[f64]) -> Vec<f64> {
    let top = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = x.iter().map(|x| (x - top).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|x| x / sum).collect()
}

fn activate(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Gelu => x * 0.5 * erfc(-x * std::f64::consts::FRAC_1_SQRT_2),
        Activation::GeluTanh => {
            let u = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
            0.5 * x * (1.0 + u.tanh())
        }
        Activation::Relu => x.max(0.0),
        Activation::Tanh => x.tanh(),
    }
}

/// The complementary error function: its series near 0, its continued fraction beyond (Abramowitz & Stegun 7.1.5, 7.1.14).
fn erfc(x: f64) -> f64 {
    if x < 0.0 {
        return 2.0 - erfc(-x);
    }
    if x < 2.5 {
        let (mut term, mut sum) = (x, x);
        for n in 1..80 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        return 1.0 - std::f64::consts::FRAC_2_SQRT_PI * sum;
    }
    let fraction = (1..120).rev().fold(x, |below, n| x + f64::from(n) / 2.0 / below);
    (-x * x).exp() / std::f64::consts::PI.sqrt() / fraction
}

/// A model's shape and a batch.
#[derive(Debug, Clone)]
struct Case {
    config: Config,
    sequences: Vec<Sequence>,
    /// The positions at which the logits of each sequence are computed.
    rows: Vec<usize>,
    columns: Vec<u32>,
    seed: u64,
}

/// Randomly drawn sizes of a model.
#[derive(Debug, Clone)]
struct Sizes {
    family: usize,
    heads: usize,
    head_size: usize,
    intermediate: usize,
    layers: usize,
    embedding: usize,
    groups: usize,
    inner_groups: usize,
    vocabulary: usize,
    labels: usize,
    tied: bool,
}

impl Sizes {
    fn config(&self, longest: usize) -> Config {
        let family = Family::ALL[self.family];
        let names = &family.fields;
        let mut json = serde_json::json!({
            "model_type": family.model_type,
            "vocab_size": self.vocabulary,
            "max_position_embeddings": longest.max(8) + 2,
            "layer_norm_eps": 1e-5,
            "tie_word_embeddings": self.tied,
            "num_hidden_groups": self.groups.min(self.layers),
            "inner_group_num": self.inner_groups,
            "type_vocab_size": if family.model_type.contains("roberta") { 1 } else { 2 },
        });
        let mut set = |name: &str, value: usize| json[name] = value.into();
        set(names.hidden_size, self.heads * self.head_size);
        set(names.layers, self.layers);
        set(names.heads, self.heads);
        set(names.intermediate_size, self.intermediate);
        if let Some((name, _)) = names.embedding_size {
            set(name, self.embedding);
        }
        let config = Config::from_json(json.to_string().as_bytes()).unwrap().with_dropout(0.0);
        config.with_labels(&(0..self.labels).map(|i| i.to_string()).collect::<Vec<_>>())
    }

    fn case(&self, lengths: &[usize], seed: u64) -> Case {
        let config = self.config(lengths.iter().copied().max().unwrap_or(1));
        let mut random = Rng::stream(seed, &[1]);
        let mut below = |n: usize| (random.next_u64() % n as u64) as usize;
        // Padding, which is not trained, is a token of 0 or 1.
        let mut sequence = |len: &usize| Sequence {
            ids: (0..*len).map(|_| 2 + below(self.vocabulary - 2) as u32).collect(),
            type_ids: (0..*len).map(|i| u8::from(2 * i > *len)).collect(),
        };
        let sequences: Vec<Sequence> = lengths.iter().map(&mut sequence).collect();
        let classifies = self.labels > 0;
        let rows = lengths.iter().map(|len| if classifies { 0 } else { below(*len) }).collect();
        let columns =
            if classifies { vec![] } else { (0..3).map(|_| below(self.vocabulary) as u32).collect() };
        Case { config, sequences, rows, columns, seed }
    }
}

prop_compose! {
    fn sizes()(
        family in 0..Family::ALL.len(), heads in 1..4usize, head_size in 1..12usize, intermediate in 1..40usize,
        layers in 1..4usize, embedding in 1..20usize, groups in 1..3usize, inner_groups in 1..3usize,
        vocabulary in 4..40usize, labels in 0..4usize, tied: bool,
    ) -> Sizes {
        Sizes { family, heads, head_size, intermediate, layers, embedding, groups, inner_groups, vocabulary, labels, tied }
    }
}

/// Weights large enough that a layer's computation is not hidden by its residual connections.
fn model<H: Heads>(case: &Case) -> Model<H> {
    let mut model = H::model(&case.config, case.seed);
    let mut random = Rng::stream(case.seed, &[2]);
    for parameter in model.network.layout.parameters.clone() {
        let (middle, spread) = match parameter.kind {
            Kind::Weight => (0.0, 0.4 / (parameter.shape[1] as f64).sqrt().max(1.0) + 0.05),
            Kind::Bias => (0.0, 0.1),
            Kind::Gamma => (1.0, 0.1),
        };
        model.network.values[parameter.range]
            .iter_mut()
            .for_each(|x| *x = (middle + spread * random.normal()) as f32);
    }
    model
}

/// Logits, loss and the gradient along a random direction, on every set of kernels.
fn compare(case: &Case) {
    match case.config.labels.len() {
        0 => compare_head::<MaskedLm>(case),
        _ => compare_head::<Classifier>(case),
    }
}

fn compare_head<H: Heads>(case: &Case) {
    let model: Model<H> = model(case);
    let plain = Plain::new(&model);
    let (want, want_loss) = (plain.logits(case).concat(), plain.loss(case));

    let mut random = Rng::stream(case.seed, &[3]);
    let direction: Vec<f64> = model.network.values.iter().map(|_| random.normal()).collect();
    let moved = |step: f64| Plain {
        network: &model.network,
        head: &model.head,
        values: plain.values.iter().zip(&direction).map(|(x, d)| x + step * d).collect(),
    };
    let slope = |loss: &dyn Fn(&Plain<H>) -> f64| (loss(&moved(1e-7)) - loss(&moved(-1e-7))) / 2e-7;
    let want_slope = slope(&|plain| plain.loss(case));

    let mut batch = Batch::new();
    case.sequences.iter().for_each(|sequence| batch.push(sequence));
    let rows: Vec<u32> = case.rows.iter().enumerate().map(|(i, row)| batch.index(i, *row)).collect();
    let tokens: Vec<u32> = (0..batch.tokens() as u32).collect();
    let weights: Vec<f32> =
        (0..tokens.len() * case.config.hidden_size).map(|_| random.normal() as f32).collect();
    let want_pull = slope(&|plain| plain.pull(case, &weights));
    for kernels in Kernels::ALL.into_iter().filter(|k| k.available()) {
        let device = Device::with_kernels(2, kernels);
        let mut session = Session::new(model.clone(), &device);
        for mode in [Mode::Predict, Mode::Train { dropout_seed: 0 }] {
            let logits = H::logits(&mut session, case, &batch, &rows, mode);
            for (got, want) in logits.iter().zip(&want) {
                let off = (f64::from(*got) - want).abs();
                assert!(off < 1e-4 * want.abs().max(1.0), "{kernels:?}: logit {got} instead of {want}");
            }
            if mode != Mode::Predict {
                let classes = want.len() / rows.len();
                let targets: Vec<u32> = (0..rows.len()).map(|i| (i % classes) as u32).collect();
                let loss = f64::from(loss::cross_entropy(&device, logits, &targets, 1.0));
                assert!((loss - want_loss).abs() < 1e-4, "{kernels:?}: loss {loss} instead of {want_loss}");
            }
        }
        session.backward_in_place();
        let check = |session: &Session<H>, want: f64| {
            let (mut slope, mut square) = (0.0, 0.0);
            for parameter in &model.network.layout.parameters {
                let gradient = session.gradient(&parameter.name).unwrap();
                for (g, d) in gradient.iter().zip(&direction[parameter.range.clone()]) {
                    slope += f64::from(*g) * d;
                    square += f64::from(*g).powi(2);
                }
            }
            let off = (slope - want).abs();
            assert!(off < 1e-3 * square.sqrt() + 1e-5, "{kernels:?}: slope {slope} instead of {want}");
        };
        check(&session, want_slope);
        let mut session = Session::new(model.clone(), &device);
        session.hidden_states(&batch, &tokens, Mode::Train { dropout_seed: 0 });
        session.backward_states(&weights);
        check(&session, want_pull);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_shape_of_any_family_agrees(
        sizes in sizes(), lengths in prop::collection::vec(1..24usize, 1..8), seed: u64,
    ) {
        compare(&sizes.case(&lengths, seed));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn long_sequences_agree(
        sizes in sizes(), lengths in prop::collection::vec(200..=512usize, 1..3), seed: u64,
    ) {
        let sizes = Sizes { layers: 1, head_size: sizes.head_size.min(5), ..sizes };
        compare(&sizes.case(&lengths, seed));
    }

    #[test]
    fn large_batches_agree(
        sizes in sizes(), lengths in prop::collection::vec(1..9usize, 100..=256), seed: u64,
    ) {
        compare(&Sizes { layers: 1, ..sizes }.case(&lengths, seed));
    }
}

#[test]
fn the_error_function_has_the_values_of_the_tables() {
    for (x, want) in
        [(0.0, 1.0), (0.5, 0.479_500_122), (2.0, 0.004_677_735), (3.0, 0.000_022_090), (-1.0, 1.842_700_793)]
    {
        assert!((erfc(x) - want).abs() < 1e-9, "erfc({x}) = {}", erfc(x));
    }
    assert!((erfc(2.5 - 1e-12) - erfc(2.5)).abs() < 1e-10);
}
