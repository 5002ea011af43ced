//! The local socket: one JSON request a line, one JSON answer a line, for `server-module ctl`.
//!
//! Who is at the other end is what the kernel says (SO_PEERCRED); what it may do is [`Shell`]'s business.

use crate::module::shell::{Answer, Shell};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

/// The longest request that is read.
const LONGEST: u64 = 4096;

/// The socket, removed when it goes.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
    owner: u32,
}

impl Socket {
    /// Listens at a path, for its owner only. A socket that a dead process left behind is replaced.
    ///
    /// # Errors
    /// Another server listens there already, or the path cannot be used.
    pub async fn bind(path: &Path) -> std::io::Result<Self> {
        if UnixStream::connect(path).await.is_ok() {
            return Err(std::io::Error::new(
                std::io::ErrorKind::AddrInUse,
                format!("another server-module listens at {}", path.display()),
            ));
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        let owner = std::fs::metadata(path)?.uid();
        Ok(Self { listener, path: path.to_path_buf(), owner })
    }

    /// Answers until the task is dropped.
    pub async fn serve(self, shell: Shell) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let (shell, owner) = (shell.clone(), self.owner);
                    tokio::spawn(async move {
                        if let Err(error) = converse(stream, owner, shell).await {
                            tracing::debug!(%error, "a control conversation ended");
                        }
                    });
                }
                Err(error) => {
                    // Out of descriptors, most likely: wait for some to come back.
                    tracing::warn!(%error, "cannot accept on the control socket");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn converse(stream: UnixStream, owner: u32, shell: Shell) -> std::io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let mut line = String::new();
    loop {
        line.clear();
        if (&mut reader).take(LONGEST).read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let answer: Answer = shell.answer(&line, peer, owner).await;
        let mut text = serde_json::to_vec(&answer)?;
        text.push(b'\n');
        writer.write_all(&text).await?;
    }
}
