//! The thread that computes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use cloze::{Error, Prediction, Predictor, Record};

use crate::Service;
use crate::queue::Job;

/// Tokens that are computed at a time, if single requests do not have more: enough for the full speed, few enough for short waits.
const TOKENS: usize = 8192;

/// Answers what waits until the queue is closed and empty.
pub(crate) fn run(service: &Service) {
    while let Some(jobs) = service.queue.take(TOKENS) {
        let tokens = jobs.iter().map(|job| job.tokens).sum();
        let run = jobs[0].run;
        let (wanted, unwanted): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(Job::is_wanted);
        drop(unwanted);
        if !wanted.is_empty() {
            let began = Instant::now();
            wanted.iter().for_each(|job| service.metrics.waited(began - job.since));
            let rows = wanted.iter().map(|job| job.examples.len()).sum();
            answer(&service.runs[run].predictor, wanted);
            service.metrics.computed(run, rows, tokens, began.elapsed());
        }
        service.queue.done(tokens);
        service.metrics.queued(service.queue.tokens());
    }
}

/// Computes requests together. If that fails, each alone, so that one that cannot be answered harms no other.
fn answer(predictor: &Predictor, jobs: Vec<Job>) {
    let all = || jobs.iter().flat_map(|job| job.examples.iter().cloned()).collect();
    if jobs.len() > 1
        && let Ok(mut predictions) = classify(predictor, all())
    {
        for job in jobs {
            let rest = predictions.split_off(job.examples.len());
            send(job, Ok(std::mem::replace(&mut predictions, rest)));
        }
        return;
    }
    for mut job in jobs {
        let examples = std::mem::take(&mut job.examples);
        let predictions = classify(predictor, examples);
        send(job, predictions);
    }
}

/// Whoever has asked may have gone.
fn send(job: Job, predictions: cloze::Result<Vec<Prediction>>) {
    let _ = job.answer.send(predictions);
}

fn classify(predictor: &Predictor, examples: Vec<Record>) -> cloze::Result<Vec<Prediction>> {
    let asked = examples.len();
    let classified = catch_unwind(AssertUnwindSafe(|| {
        predictor.classify_all(examples).collect::<cloze::Result<Vec<_>>>()
    }));
    let predictions = classified
        .unwrap_or_else(|_| Err(Error::usage("the prediction failed", "report this with the run's files")))?;
    // A task whose examples have rows within them gives a prediction for each of these.
    match predictions.len() == asked {
        true => Ok(predictions),
        false => {
            Err(Error::usage("the task has rows within rows", "send each of these as an example of its own"))
        }
    }
}
