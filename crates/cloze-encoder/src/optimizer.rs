//! AdamW, with row-wise handling of the word embeddings.
//!
//! Few-shot training touches a few hundred of tens of thousands of word embeddings. A row that never had a
//! gradient has moments of zero, and AdamW only applies weight decay to it. Rows therefore become *active*
//! with their first gradient; the decay of all other rows is kept as a single factor and applied when they
//! are read. The gradients and moments of rows that never become active are never written, and therefore take
//! no memory.

use std::io::{self, Read, Write};

use rayon::prelude::*;

use crate::kernel::vector::{self, AdamStep};
use crate::kernel::{Kernels, pages};
use crate::parameters::{Kind, Layout};

/// The settings of AdamW (Loshchilov & Hutter, 2019), as in PyTorch. Biases and LayerNorm weights do not
/// decay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamW {
    /// The learning rate of this update.
    pub learning_rate: f32,
    /// Decoupled weight decay; PET uses 0.01.
    pub weight_decay: f32,
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Added to the square root of the second moment.
    pub epsilon: f32,
    /// Gradients are scaled down to this 2-norm over all parameters if theirs is larger.
    pub max_grad_norm: f32,
}

impl Default for AdamW {
    fn default() -> Self {
        AdamW {
            learning_rate: 1e-5,
            weight_decay: 0.01,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            max_grad_norm: 1.0,
        }
    }
}

/// Number of elements that a thread processes at a time. Sums of squares are split at these boundaries, so
/// the number affects the result.
const ELEMENTS: usize = 16 * 1024;

/// Floats that are converted at a time when they are written or read.
const BLOCK: usize = 1 << 16;

pub(crate) fn write_floats(values: &[f32], out: &mut impl Write) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(BLOCK * 4);
    for block in values.chunks(BLOCK) {
        bytes.clear();
        bytes.extend(block.iter().flat_map(|value| value.to_le_bytes()));
        out.write_all(&bytes)?;
    }
    Ok(())
}

pub(crate) fn read_floats(values: &mut [f32], input: &mut impl Read) -> io::Result<()> {
    let mut bytes = vec![0; BLOCK * 4];
    for block in values.chunks_mut(BLOCK) {
        let bytes = &mut bytes[..block.len() * 4];
        input.read_exact(bytes)?;
        for (value, bytes) in block.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *value = f32::from_le_bytes(*bytes);
        }
    }
    Ok(())
}

/// Gradients, moments, and the set of active word embeddings.
pub(crate) struct Training {
    pub(crate) grads: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
    active: Vec<bool>,
    /// The decay that has not been applied to inactive rows yet.
    pending_decay: f64,
    updates: i32,
    /// Width of a word embedding.
    size: usize,
    partial: Vec<f64>,
}

impl Training {
    pub(crate) fn new(layout: &Layout, size: usize) -> Training {
        // `vec!` of zeros requests pages that are only allocated when they are first written. Few of the word
        // embeddings' pages ever are, so those pages stay small.
        let zeros = || {
            let memory = vec![0.0; layout.len];
            pages::prefer_large(&memory[layout.words.end..]);
            memory
        };
        Training {
            grads: zeros(),
            first: zeros(),
            second: zeros(),
            active: vec![false; layout.words.len() / size],
            pending_decay: 1.0,
            updates: 0,
            size,
            partial: Vec::new(),
        }
    }

    /// Activates rows of the word embeddings before they are read in training.
    pub(crate) fn activate(&mut self, rows: &[u32], values: &mut [f32]) {
        for row in rows.iter().map(|r| *r as usize) {
            if !std::mem::replace(&mut self.active[row], true) && self.pending_decay != 1.0 {
                let row = &mut values[row * self.size..(row + 1) * self.size];
                row.iter_mut().for_each(|x| *x = (f64::from(*x) * self.pending_decay) as f32);
            }
        }
    }

    /// Activates all rows: the gradient of a softmax over the vocabulary reaches every one.
    pub(crate) fn activate_all(&mut self, values: &mut [f32]) {
        self.apply_pending_decay(values);
        if !self.active.iter().all(|active| *active) {
            self.active.fill(true);
            for memory in [&self.grads, &self.first, &self.second] {
                pages::prefer_large(memory);
            }
        }
    }

    /// Applies the decay that is pending for inactive rows.
    pub(crate) fn apply_pending_decay(&mut self, values: &mut [f32]) {
        if self.pending_decay == 1.0 {
            return;
        }
        let (words, pending_decay) = (self.active.len() * self.size, self.pending_decay);
        values[..words].par_chunks_mut(self.size).zip(&self.active).with_min_len(1024).for_each(
            |(row, active)| {
                if !active {
                    row.iter_mut().for_each(|x| *x = (f64::from(*x) * pending_decay) as f32);
                }
            },
        );
        self.pending_decay = 1.0;
    }

    /// Writes everything that later updates depend on; between an update and the next pass gradients are 0.
    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.updates.to_le_bytes())?;
        out.write_all(&self.pending_decay.to_le_bytes())?;
        out.write_all(&self.active.iter().map(|active| u8::from(*active)).collect::<Vec<u8>>())?;
        write_floats(&self.first, out)?;
        write_floats(&self.second, out)
    }

    /// Reads what [`Training::write`] wrote.
    pub(crate) fn read(&mut self, input: &mut impl Read) -> io::Result<()> {
        let (mut updates, mut pending) = ([0; 4], [0; 8]);
        input.read_exact(&mut updates)?;
        input.read_exact(&mut pending)?;
        self.updates = i32::from_le_bytes(updates);
        self.pending_decay = f64::from_le_bytes(pending);
        let mut active = vec![0; self.active.len()];
        input.read_exact(&mut active)?;
        self.active.iter_mut().zip(active).for_each(|(to, from)| *to = from != 0);
        self.grads.fill(0.0);
        read_floats(&mut self.first, input)?;
        read_floats(&mut self.second, input)
    }

    /// The 2-norm of all gradients; there are none before `from`.
    fn norm(&mut self, kernels: Kernels, from: usize) -> f64 {
        let words = self.active.len() * self.size;
        let (words, others) = self.grads.split_at(words);
        let others = &others[from.saturating_sub(words.len())..];
        let rows = ELEMENTS.div_ceil(self.size);
        let blocks = self.active.len().div_ceil(rows);
        self.partial.resize(blocks + others.len().div_ceil(ELEMENTS), 0.0);
        let (of_words, of_others) = self.partial.split_at_mut(blocks);
        words.par_chunks(rows * self.size).zip(self.active.par_chunks(rows)).zip(of_words).for_each(
            |((grads, active), sum)| {
                let active = grads.chunks_exact(self.size).zip(active).filter(|(_, active)| **active);
                *sum = active.map(|(row, _)| f64::from(vector::sum_of_squares(kernels, row))).sum();
            },
        );
        others
            .par_chunks(ELEMENTS)
            .zip(of_others)
            .for_each(|(grads, sum)| *sum = f64::from(vector::sum_of_squares(kernels, grads)));
        self.partial.iter().sum::<f64>().sqrt()
    }

    /// Updates `values` once and clears the gradients. Values before `from` are frozen. Returns the norm of
    /// the gradients before clipping.
    pub(crate) fn update(
        &mut self,
        kernels: Kernels,
        layout: &Layout,
        values: &mut [f32],
        from: usize,
        adamw: &AdamW,
    ) -> f32 {
        let norm = self.norm(kernels, from);
        self.updates += 1;
        let corrected = |beta: f32| 1.0 - f64::from(beta).powi(self.updates);
        let decaying = AdamStep {
            clip: (f64::from(adamw.max_grad_norm) / (norm + 1e-6)).min(1.0) as f32,
            rate: (f64::from(adamw.learning_rate) / corrected(adamw.beta1)) as f32,
            keep: 1.0 - adamw.learning_rate * adamw.weight_decay,
            beta1: adamw.beta1,
            beta2: adamw.beta2,
            correct2: (1.0 / corrected(adamw.beta2).sqrt()) as f32,
            epsilon: adamw.epsilon,
        };
        let plain = AdamStep { keep: 1.0, ..decaying };

        let (size, words) = (self.size, self.active.len() * self.size);
        let (word_values, values) = values.split_at_mut(words);
        let (word_grads, grads) = self.grads.split_at_mut(words);
        let (word_first, first) = self.first.split_at_mut(words);
        let (word_second, second) = self.second.split_at_mut(words);
        word_values
            .par_chunks_mut(size)
            .zip(word_grads.par_chunks_mut(size))
            .zip(word_first.par_chunks_mut(size))
            .zip(word_second.par_chunks_mut(size))
            .zip(&self.active)
            .with_min_len(256)
            .for_each(|((((p, g), m), v), active)| {
                if *active {
                    vector::adamw(kernels, p, g, m, v, decaying);
                }
            });
        if from == 0 {
            self.pending_decay *= 1.0 - f64::from(adamw.learning_rate) * f64::from(adamw.weight_decay);
        }

        let frozen = from.saturating_sub(words);
        values[frozen..]
            .par_chunks_mut(ELEMENTS)
            .zip(grads[frozen..].par_chunks_mut(ELEMENTS))
            .zip(first[frozen..].par_chunks_mut(ELEMENTS))
            .zip(second[frozen..].par_chunks_mut(ELEMENTS))
            .enumerate()
            .for_each(|(i, (((p, g), m), v))| {
                // A chunk may cover several tensors, only some of which decay.
                let start = words + frozen + i * ELEMENTS;
                let end = start + p.len();
                let from = layout.parameters.partition_point(|t| t.range.end <= start);
                for tensor in layout.parameters[from..].iter().take_while(|t| t.range.start < end) {
                    let part = tensor.range.start.max(start) - start..tensor.range.end.min(end) - start;
                    let step = if tensor.kind == Kind::Weight { decaying } else { plain };
                    let (p, g) = (&mut p[part.clone()], &mut g[part.clone()]);
                    vector::adamw(kernels, p, g, &mut m[part.clone()], &mut v[part], step);
                }
            });
        norm as f32
    }
}
