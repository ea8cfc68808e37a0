//! Counts and times in the format of Prometheus.

use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// A route with how its requests ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: Route,
    status: u16,
}

/// What is asked; paths that do not exist are one of these, so that nobody can make the list grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Route {
    Predict,
    Classify,
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    run: String,
}

/// What is counted.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    durations: Histogram,
    waits: Histogram,
    passes: Histogram,
    rows: Vec<Counter>,
    tokens: Counter,
    queued: Gauge,
    connections: Gauge,
}

fn seconds() -> Histogram {
    Histogram::new([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0])
}

impl Metrics {
    /// Nothing counted yet, for runs with these names.
    pub(crate) fn new<'n>(runs: impl Iterator<Item = &'n str>) -> Metrics {
        let mut registry = Registry::with_prefix("cloze");
        let requests = Family::<Answered, Counter>::default();
        registry.register("requests", "Requests by route and HTTP status", requests.clone());
        let of_run = Family::<Of, Counter>::default();
        registry.register("rows", "Examples that were classified, by run", of_run.clone());
        let rows = runs.map(|run| of_run.get_or_create(&Of { run: run.to_owned() }).clone()).collect();
        let (durations, waits, passes) = (seconds(), seconds(), seconds());
        registry.register(
            "request_duration_seconds",
            "From a request's first byte to its answer",
            durations.clone(),
        );
        registry.register("queue_duration_seconds", "How long requests waited to be computed", waits.clone());
        registry.register(
            "inference_duration_seconds",
            "How long computing some requests together took",
            passes.clone(),
        );
        let (tokens, queued, connections) = (Counter::default(), Gauge::default(), Gauge::default());
        registry.register("tokens", "Tokens of classified examples, estimated", tokens.clone());
        registry.register(
            "queued_tokens",
            "Tokens of requests that wait or are computed, estimated",
            queued.clone(),
        );
        registry.register("connections", "Open connections", connections.clone());
        Metrics { registry, requests, durations, waits, passes, rows, tokens, queued, connections }
    }

    pub(crate) fn answered(&self, route: Route, status: u16, duration: Duration) {
        self.requests.get_or_create(&Answered { route, status }).inc();
        self.durations.observe(duration.as_secs_f64());
    }

    pub(crate) fn waited(&self, duration: Duration) {
        self.waits.observe(duration.as_secs_f64());
    }

    pub(crate) fn computed(&self, run: usize, rows: usize, tokens: usize, duration: Duration) {
        self.rows[run].inc_by(rows as u64);
        self.tokens.inc_by(tokens as u64);
        self.passes.observe(duration.as_secs_f64());
    }

    pub(crate) fn queued(&self, tokens: usize) {
        self.queued.set(tokens as i64);
    }

    pub(crate) fn connections(&self) -> &Gauge {
        &self.connections
    }

    /// All of it as text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
