//! Asks a service port whether it answers.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::cabinet::{Input, Probe};
use crate::door::Way;
use crate::door::way::dial;

use super::handle::Handle;

/// The longest status line that is waited for.
const STATUS_LINE: usize = 256;

/// Carries a probe out and reports what came of it.
pub(super) async fn probe(probe: Probe, way: Option<Arc<Way>>, handle: Handle) {
    let answer = tokio::time::timeout(probe.timeout, ask(&probe, way)).await;
    let up = matches!(answer, Ok(Ok(true)));
    handle.report(Input::Probed { id: probe.id, up }).await;
}

/// Whether the port opens and, where a path is to be asked for, answers with a status below 400.
async fn ask(probe: &Probe, way: Option<Arc<Way>>) -> io::Result<bool> {
    let mut stream = dial(way, probe.to, None, true).await?;
    let Some(path) = &probe.http else { return Ok(true) };
    let host = probe.host.clone().unwrap_or_else(|| probe.to.to_string());
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut line = [0; STATUS_LINE];
    let mut length = 0;
    while length < line.len() && !line[..length].contains(&b'\n') {
        match stream.read(&mut line[length..]).await? {
            0 => break,
            count => length += count,
        }
    }
    Ok(is_good(&line[..length]))
}

/// `HTTP/1.x 2xx` or `3xx` (RFC 9112 §4).
fn is_good(line: &[u8]) -> bool {
    let status = line.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(1..5));
    matches!(status, Some([b' ', b'2' | b'3', b'0'..=b'9', b'0'..=b'9']))
}

#[cfg(test)]
mod tests {
    use super::is_good;

    #[test]
    fn success_and_redirection_are_good_and_nothing_else_is() {
        for good in ["HTTP/1.1 200 OK\r\n", "HTTP/1.0 204 \r\n", "HTTP/1.1 301 Moved\r\n"] {
            assert!(is_good(good.as_bytes()), "{good}");
        }
        for bad in
            ["HTTP/1.1 404 No\r\n", "HTTP/1.1 503 \r\n", "SSH-2.0-x\r\n", "", "HTTP/1.1 20", "HTTP/2 200\r\n"]
        {
            assert!(!is_good(bad.as_bytes()), "{bad}");
        }
    }
}
