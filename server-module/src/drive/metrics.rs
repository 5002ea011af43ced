//! `GET /metrics` for Prometheus.

use crate::module::handle::Handle;
use crate::view::metrics;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::net::TcpListener;

/// Serves the cabinet's metrics until the task is dropped.
///
/// # Errors
/// The listener cannot be used.
pub async fn serve(listener: TcpListener, handle: Handle) -> std::io::Result<()> {
    let router = Router::new().route("/metrics", get(page)).with_state(handle);
    axum::serve(listener, router).await
}

async fn page(State(handle): State<Handle>) -> Response {
    let now = handle.clock().now();
    match handle.look(move |cabinet| metrics(cabinet, now)).await {
        Ok(text) => ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response(),
        Err(gone) => (StatusCode::SERVICE_UNAVAILABLE, gone.to_string()).into_response(),
    }
}
