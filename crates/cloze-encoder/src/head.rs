//! The two kinds of heads on an encoder, as types.

use std::ops::Range;

use crate::Config;
use crate::parameters::{Kind, Layout, LayoutBuilder, LinearRanges, NormRanges};

/// The kind of a model's head: [`MaskedLm`] or [`Classifier`]. No other crate can add one.
pub trait Head: sealed::Head {}

impl Head for MaskedLm {}
impl Head for Classifier {}

/// The head of a masked language model: it scores each entry of the vocabulary.
///
/// The decoder is the word embedding table, or a separate one if they are not tied,
/// `[vocabulary, embedding]`.
#[derive(Debug, Clone)]
pub struct MaskedLm {
    pub(crate) dense: LinearRanges,
    pub(crate) norm: NormRanges,
    pub(crate) decoder: Range<usize>,
    pub(crate) bias: Range<usize>,
}

/// The head of a sequence classifier: it scores each label.
#[derive(Debug, Clone)]
pub struct Classifier {
    pub(crate) dense: LinearRanges,
    pub(crate) output: LinearRanges,
}

/// The gradient of a pass's output.
#[derive(Clone, Copy)]
pub enum OutputGradient<'g> {
    /// Of the logits of a masked-LM head, `[indices, columns]`.
    MaskLogits(&'g MaskedLm, &'g [f32]),
    /// Of the logits of a classification head, `[sequences, labels]`.
    ClassLogits(&'g Classifier, &'g [f32]),
    /// Of the last hidden states, `[indices, hidden]`.
    States(&'g [f32]),
}

pub(crate) mod sealed {
    use super::{Config, LayoutBuilder, OutputGradient, Range};

    /// The internal interface of a head. Its name cannot be reached from outside, so no other crate can
    /// implement it.
    pub trait Head: Clone + Sized {
        /// Adds the tensors of the head after those of the encoder.
        fn add(config: &Config, words: &Range<usize>, builder: &mut LayoutBuilder) -> Self;

        /// The gradient of this head's logits.
        fn gradient<'g>(&'g self, logits: &'g [f32]) -> OutputGradient<'g>;
    }
}

impl sealed::Head for MaskedLm {
    fn add(config: &Config, words: &Range<usize>, p: &mut LayoutBuilder) -> MaskedLm {
        let (h, e, names) = (config.hidden_size, config.embedding_size, &config.family.mask_head);
        MaskedLm {
            dense: p.linear(names.dense, e, h),
            norm: p.norm(names.norm, e),
            decoder: match config.tied {
                true => words.clone(),
                false => p.weight(names.decoder, &[config.vocab_size, e]),
            },
            bias: p.push(names.bias, &[config.vocab_size], Kind::Bias),
        }
    }

    fn gradient<'g>(&'g self, logits: &'g [f32]) -> OutputGradient<'g> {
        OutputGradient::MaskLogits(self, logits)
    }
}

impl sealed::Head for Classifier {
    fn add(config: &Config, _: &Range<usize>, p: &mut LayoutBuilder) -> Classifier {
        let (h, names) = (config.hidden_size, &config.family.class_head);
        Classifier {
            dense: p.linear(names.dense, h, h),
            output: p.linear(names.output, config.labels.len(), h),
        }
    }

    fn gradient<'g>(&'g self, logits: &'g [f32]) -> OutputGradient<'g> {
        OutputGradient::ClassLogits(self, logits)
    }
}

/// The positions of the weights of an encoder with this kind of head.
pub(crate) fn layout<H: Head>(config: &Config) -> (Layout, H) {
    Layout::new(config, |words, builder| H::add(config, words, builder))
}
