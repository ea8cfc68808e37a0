//! Contributions by integrated gradients.

use cloze_encoder::{Batch, Classifier, Mode, Sequence, Session};

use super::leave_one_out::Asked;
use super::shown::Completeness;
use super::words::owners;
use crate::Result;
use crate::ensemble::soft_labels;
use crate::pvp::encode::ClassifierEncoder;
use crate::scoring::scores::check_finite;

/// Tokens that are computed together: few, since a pass whose gradient is wanted keeps the inside of every layer.
const TOKENS: usize = 1024;

/// Whose probability is asked about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OfLabel {
    /// The index of the label.
    pub(crate) label: usize,
    /// What logits are divided by before they become probabilities.
    pub(crate) temperature: f64,
}

/// What integrated gradients say of a sequence.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Integrated {
    /// The contribution of each token.
    pub(crate) tokens: Vec<f64>,
    /// The probability of the label for the sequence.
    pub(crate) probability: f64,
    /// Its probability for the baseline.
    pub(crate) baseline: f64,
}

/// The contribution of every word, and what they add up to. In the baseline all tokens of words are `mask`; tokens
/// of other texts, which are part of what is asked, stay.
///
/// # Errors
/// As [`integrated`].
pub(crate) fn of_words(
    session: &mut Session<Classifier>,
    encoder: &ClassifierEncoder,
    mask: u32,
    asked: &Asked,
    steps: usize,
    progress: impl FnMut() -> Result<()>,
) -> Result<(Vec<f64>, Completeness)> {
    let (sequence, origins) = encoder.encode_with_origins(&asked.example.texts);
    let owners = owners(&origins, &asked.words);
    let masked = sequence.ids.iter().zip(&owners).map(|(id, owner)| if owner.is_some() { mask } else { *id });
    let baseline: Vec<u32> = masked.collect();
    let of = OfLabel { label: asked.label, temperature: asked.temperature };
    let found = integrated(session, &sequence, &baseline, of, steps, progress)?;
    let mut words = vec![0.0; asked.words.len()];
    for (token, owner) in found.tokens.iter().zip(&owners) {
        if let Some(word) = owner {
            words[*word] += token;
        }
    }
    let gap = words.iter().sum::<f64>() - (found.probability - found.baseline);
    Ok((words, Completeness { baseline: found.baseline, gap }))
}

/// Integrates the gradient of a label's probability with respect to the word embeddings, from those of `baseline`, which
/// has as many tokens, to those of `sequence`, by the midpoint rule with `steps` points.
///
/// # Errors
/// When a logit is not finite, or `progress`, which is called after every pass, fails.
pub(crate) fn integrated(
    session: &mut Session<Classifier>,
    sequence: &Sequence,
    baseline: &[u32],
    OfLabel { label, temperature }: OfLabel,
    steps: usize,
    mut progress: impl FnMut() -> Result<()>,
) -> Result<Integrated> {
    let mut batch = Batch::new();
    batch.push(sequence);
    batch.push(&Sequence { ids: baseline.to_vec(), type_ids: sequence.type_ids.clone() });
    let logits = session.class_logits(&batch, Mode::Predict);
    check_finite(logits)?;
    let labels = logits.len() / 2;
    let [probability, from] =
        [0, 1].map(|at| soft_labels(&logits[at * labels..][..labels], temperature)[label]);

    let end = session.word_embeddings(&sequence.ids);
    let start = session.word_embeddings(baseline);
    let at_once = (TOKENS / sequence.len()).max(1);
    let mut slopes = vec![0.0; end.len()];
    let mut words = vec![0.0; end.len()];
    let mut dlogits = Vec::new();
    for first in (0..steps).step_by(at_once) {
        batch.clear();
        for step in first..steps.min(first + at_once) {
            let share = ((step as f64 + 0.5) / steps as f64) as f32;
            for ((word, start), end) in words.iter_mut().zip(&start).zip(&end) {
                *word = start + share * (end - start);
            }
            batch.push_with_words(sequence, &words);
        }
        let logits = session.class_logits(&batch, Mode::Attribute);
        check_finite(logits)?;
        dlogits.clear();
        for row in logits.chunks_exact(labels) {
            let probabilities = soft_labels(row, temperature);
            let of_label = probabilities[label];
            let slope = |(other, probability): (usize, &f64)| {
                of_label * (f64::from(u8::from(other == label)) - probability) / temperature
            };
            dlogits.extend(probabilities.iter().enumerate().map(|pair| slope(pair) as f32));
        }
        for gradient in session.input_gradient(&dlogits).chunks_exact(slopes.len()) {
            slopes.iter_mut().zip(gradient).for_each(|(sum, slope)| *sum += f64::from(*slope));
        }
        progress()?;
    }
    let size = slopes.len() / sequence.len();
    let parts = slopes.iter().zip(end.iter().zip(&start));
    let parts: Vec<f64> =
        parts.map(|(slope, (end, start))| slope / steps as f64 * f64::from(end - start)).collect();
    let tokens = parts.chunks_exact(size).map(|parts| parts.iter().sum()).collect();
    Ok(Integrated { tokens, probability, baseline: from })
}
