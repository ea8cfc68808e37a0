//! Connections: how many, how slow they may be, and how they end.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use crate::{Service, routes};

/// How long the head of a request may take, and how long a connection may be idle.
const HEAD: Duration = Duration::from_secs(30);
/// How long to wait where the system has no room for another connection.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves until a signal comes, and then until what was accepted is answered.
pub(crate) async fn serve(listener: TcpListener, service: Arc<Service>) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let room = Arc::new(Semaphore::new(service.options.connections));
    let router = routes::router(Arc::clone(&service));
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(asked_to_stop());
    loop {
        let permit = tokio::select! {
            Ok(permit) = Arc::clone(&room).acquire_owned() => permit,
            () = &mut stop => break,
        };
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => spawn(stream, &router, &graceful, &service, permit),
                // A connection that has gone already, or too many files open: the next may be accepted.
                Err(_) => sleep(PAUSE).await,
            },
            () = &mut stop => break,
        }
    }
    service.stopping.store(true, Ordering::Relaxed);
    // Those that have connected are told that the server is stopping, instead of nothing.
    while let Ok(permit) = Arc::clone(&room).try_acquire_owned()
        && let Ok(Ok((stream, _))) = timeout(Duration::ZERO, listener.accept()).await
    {
        spawn(stream, &router, &graceful, &service, permit);
    }
    drop(listener);
    let _ = timeout(service.options.drain, graceful.shutdown()).await;
    Ok(())
}

/// Serves a connection, which holds its permit to be open, on its own.
fn spawn(
    stream: TcpStream,
    router: &Router,
    graceful: &GracefulShutdown,
    service: &Arc<Service>,
    permit: OwnedSemaphorePermit,
) {
    // Small answers must not wait for more.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
    let connection = graceful.watch(connection);
    let gauge = service.metrics.connections().clone();
    gauge.inc();
    tokio::spawn(async move {
        // A connection that breaks off concerns nobody else.
        let _ = connection.await;
        gauge.dec();
        drop(permit);
    });
}

/// Returns once the process is asked to stop, by SIGTERM or Ctrl-C.
pub async fn asked_to_stop() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    let _ = interrupted.await;
}
