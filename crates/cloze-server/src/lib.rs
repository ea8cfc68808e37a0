//! Predictions over HTTP: what `cloze serve` runs.
//!
//! ```text
//! connection ─► guard (host, key, size) ─► route ─► queue, bounded in tokens ─► worker ─► Predictor
//! ```
//!
//! A single worker thread computes, on all threads of the predictors' device. It takes as many waiting requests at once as fit into a pass;
//! batches are ragged, so nothing has to wait for others to come. No bit of an answer depends on what else is computed with it, so an answer
//! equals that of `cloze predict`.
//!
//! Texts are neither logged nor kept.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod connections;
mod guard;
mod metrics;
mod openapi;
mod options;
mod queue;
mod refusal;
mod routes;
mod worker;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use cloze::Predictor;

pub use self::connections::asked_to_stop;
pub use self::options::{Options, Unsafe};

use self::metrics::Metrics;
use self::queue::Queue;

/// A run that is served, under a name.
pub struct Served {
    /// The name in URLs.
    pub name: String,
    /// Its models.
    pub predictor: Predictor,
}

/// What all requests share.
struct Service {
    runs: Vec<Served>,
    options: Options,
    queue: Queue,
    metrics: Metrics,
    /// Whether the server is about to stop.
    stopping: AtomicBool,
}

/// A server that has its address and does not answer yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    service: Arc<Service>,
}

impl Server {
    /// Takes the address of `options`. The first of `runs`, of which there is at least one, also answers without its name.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub fn bind(runs: Vec<Served>, options: Options) -> std::io::Result<Server> {
        let listener = TcpListener::bind(options.listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let queue = Queue::new(options.queue_tokens);
        let metrics = Metrics::new(runs.iter().map(|run| run.name.as_str()));
        let service = Service { runs, options, queue, metrics, stopping: AtomicBool::new(false) };
        Ok(Server { listener, address, service: Arc::new(service) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until the process is asked to stop, by SIGTERM or Ctrl-C, and the requests that have been accepted are answered, or the
    /// time for that is over.
    ///
    /// # Errors
    /// When the runtime cannot be started.
    pub fn run(self) -> std::io::Result<()> {
        let Server { listener, service, .. } = self;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let computing = Arc::clone(&service);
        let worker =
            std::thread::Builder::new().name("inference".into()).spawn(move || worker::run(&computing))?;
        runtime.block_on(connections::serve(listener, Arc::clone(&service)))?;
        service.queue.close();
        // A worker that has panicked has told so on standard error.
        let _ = worker.join();
        Ok(())
    }
}
