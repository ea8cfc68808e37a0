//! The anchor: a text's mean state must stay near that of the model before it was adapted, so that what it knows of sentences is kept.

use cloze_encoder::{Batch, Mode, Sequence, Session};

use crate::training::linear_probe::pooled;

/// The mean of a text's last states for each of the `sequences`, `[sequences, hidden]`.
pub(super) fn states(session: &mut Session, sequences: &[Sequence]) -> Vec<f32> {
    let (batch, lengths, tokens) = laid_out(sequences);
    let hidden = session.model().config().hidden_size;
    let states = session.hidden_states(&batch, &tokens, Mode::Predict);
    let means = pooled(states, &lengths, hidden);
    means.row_iter().flat_map(|mean| mean.iter().map(|value| *value as f32).collect::<Vec<_>>()).collect()
}

/// The mean of 1 - cosine between the mean states of `sequences` and their `goals`, `[sequences, hidden]`; adds `weight` times its
/// gradient.
pub(super) fn train(
    session: &mut Session,
    sequences: &[Sequence],
    goals: &[f32],
    dropout_seed: u64,
    weight: f32,
) -> f32 {
    let (batch, lengths, tokens) = laid_out(sequences);
    let hidden = goals.len() / sequences.len();
    let mut states = session.hidden_states(&batch, &tokens, Mode::Train { dropout_seed }).to_vec();
    let means = pooled(&states, &lengths, hidden);
    let mut loss = 0.0;
    let mut tokens = states.chunks_exact_mut(hidden);
    for ((mean, goal), length) in means.row_iter().zip(goals.chunks_exact(hidden)).zip(&lengths) {
        let mean: Vec<f64> = mean.iter().copied().collect();
        let (distance, gradient) = distance(&mean, goal);
        loss += distance / sequences.len() as f64;
        let share = f64::from(weight) / (sequences.len() * length) as f64;
        for token in tokens.by_ref().take(*length) {
            token.iter_mut().zip(&gradient).for_each(|(value, slope)| *value = (share * slope) as f32);
        }
    }
    session.backward_states(&states);
    loss as f32
}

/// 1 - cosine between a state and its goal, and its gradient with respect to the state.
fn distance(state: &[f64], goal: &[f32]) -> (f64, Vec<f64>) {
    let norm = |squares: f64| squares.sqrt().max(1e-12);
    let of_state = norm(state.iter().map(|x| x * x).sum());
    let of_goal = norm(goal.iter().map(|x| f64::from(*x).powi(2)).sum());
    let product: f64 = state.iter().zip(goal).map(|(x, y)| x * f64::from(*y)).sum();
    let cosine = product / (of_state * of_goal);
    let slope = |(x, y): (&f64, &f32)| (cosine * x / of_state - f64::from(*y) / of_goal) / of_state;
    (1.0 - cosine, state.iter().zip(goal).map(slope).collect())
}

fn laid_out(sequences: &[Sequence]) -> (Batch, Vec<usize>, Vec<u32>) {
    let mut batch = Batch::new();
    sequences.iter().for_each(|sequence| batch.push(sequence));
    let tokens = (0..batch.tokens() as u32).collect();
    (batch, sequences.iter().map(Sequence::len).collect(), tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_that_of_the_distance() {
        let (state, goal) = ([0.4, -1.0, 0.3], [1.0, 0.5, -0.2]);
        let (_, gradient) = distance(&state, &goal);
        for place in 0..3 {
            let moved = |step: f64| {
                let mut state = state;
                state[place] += step;
                distance(&state, &goal).0
            };
            let slope = (moved(1e-6) - moved(-1e-6)) / 2e-6;
            assert!((slope - gradient[place]).abs() < 1e-7, "{slope} {}", gradient[place]);
        }
        assert!(distance(&[2.0, 1.0, -0.4], &goal).0.abs() < 1e-12);
    }
}
