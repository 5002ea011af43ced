//! What a simulated card serves by FTP: a folder that only its own connection sees, with one file that says which card
//! it is on. Any login with the password `demo` opens it; what is stored is kept until the connection ends.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::cabinet::Position;

/// The longest command line.
const LONGEST_LINE: u64 = 4096;

/// The most bytes that one connection may store.
const ROOM: usize = 4 << 20;

/// How long a data connection may take to come.
const DATA_TIMEOUT: Duration = Duration::from_secs(20);

/// Serves until dropped.
pub(super) async fn serve(listener: TcpListener, position: Position, service: String) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = open.join_next() => {}
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                let folder = Folder::new(position, &service);
                open.spawn(folder.converse(BufReader::new(stream)));
            },
        }
    }
}

struct Folder {
    files: BTreeMap<String, Vec<u8>>,
    name: String,
    entered: bool,
    passive: Option<TcpListener>,
}

impl Folder {
    fn new(position: Position, service: &str) -> Self {
        let hello = format!("Hello from card {position}, serving {service}, by FTP.\n");
        let files = BTreeMap::from([("hello.txt".to_owned(), hello.into_bytes())]);
        Self { files, name: String::new(), entered: false, passive: None }
    }

    async fn converse(mut self, mut stream: BufReader<TcpStream>) -> io::Result<()> {
        stream.write_all(b"220 ready\r\n").await?;
        loop {
            let mut line = String::new();
            let mut limited = AsyncReadExt::take(&mut stream, LONGEST_LINE);
            if limited.read_line(&mut line).await? == 0 || !line.ends_with('\n') {
                return Ok(());
            }
            let line = line.trim_end();
            let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
            let answer = self.answer(&mut stream, &verb.to_ascii_uppercase(), argument).await?;
            stream.write_all(answer.as_bytes()).await?;
            if answer.starts_with("221") {
                return stream.shutdown().await;
            }
        }
    }

    async fn answer(
        &mut self,
        stream: &mut BufReader<TcpStream>,
        verb: &str,
        argument: &str,
    ) -> io::Result<String> {
        let file = argument.trim_start_matches('/');
        Ok(match verb {
            "USER" => {
                argument.clone_into(&mut self.name);
                "331 password\r\n".to_owned()
            }
            "PASS" if argument == "demo" && !self.name.is_empty() => {
                self.entered = true;
                "230 in\r\n".to_owned()
            }
            "PASS" => "530 wrong password\r\n".to_owned(),
            "QUIT" => "221 bye\r\n".to_owned(),
            "FEAT" => "211-Features:\r\n EPSV\r\n SIZE\r\n UTF8\r\n211 End\r\n".to_owned(),
            _ if !self.entered => "530 USER and PASS first\r\n".to_owned(),
            "SYST" => "215 UNIX Type: L8\r\n".to_owned(),
            "PWD" => "257 \"/\"\r\n".to_owned(),
            "TYPE" | "MODE" | "STRU" | "NOOP" | "OPTS" => "200 ok\r\n".to_owned(),
            "CWD" | "CDUP" if matches!(file, "" | ".") => "250 ok\r\n".to_owned(),
            "SIZE" => match self.files.get(file) {
                Some(content) => format!("213 {}\r\n", content.len()),
                None => "550 no such file\r\n".to_owned(),
            },
            "DELE" => match self.files.remove(file) {
                Some(_) => "250 gone\r\n".to_owned(),
                None => "550 no such file\r\n".to_owned(),
            },
            "EPSV" => {
                let listener = TcpListener::bind((stream.get_ref().local_addr()?.ip(), 0)).await?;
                let port = listener.local_addr()?.port();
                self.passive = Some(listener);
                format!("229 Entering Extended Passive Mode (|||{port}|)\r\n")
            }
            "LIST" | "NLST" => {
                let mut list = String::new();
                for (name, content) in &self.files {
                    let _ = match verb {
                        "NLST" => write!(list, "{name}\r\n"),
                        _ => {
                            let size = content.len();
                            write!(list, "-rw-r--r-- 1 demo demo {size:>8} Jan  1 00:00 {name}\r\n")
                        }
                    };
                }
                self.give(stream, list.as_bytes()).await?
            }
            "RETR" => match self.files.get(file).cloned() {
                Some(content) => self.give(stream, &content).await?,
                None => "550 no such file\r\n".to_owned(),
            },
            "STOR" if !file.is_empty() => self.take(stream, file).await?,
            _ => "502 no such command\r\n".to_owned(),
        })
    }

    /// The data connection, announced on the control connection.
    async fn data(&mut self, stream: &mut BufReader<TcpStream>) -> io::Result<Option<TcpStream>> {
        let Some(listener) = self.passive.take() else { return Ok(None) };
        stream.write_all(b"150 here\r\n").await?;
        let (data, _) = timeout(DATA_TIMEOUT, listener.accept()).await??;
        Ok(Some(data))
    }

    async fn give(&mut self, stream: &mut BufReader<TcpStream>, content: &[u8]) -> io::Result<String> {
        let Some(mut data) = self.data(stream).await? else { return Ok("425 EPSV first\r\n".to_owned()) };
        data.write_all(content).await?;
        data.shutdown().await?;
        Ok("226 done\r\n".to_owned())
    }

    async fn take(&mut self, stream: &mut BufReader<TcpStream>, file: &str) -> io::Result<String> {
        let Some(data) = self.data(stream).await? else { return Ok("425 EPSV first\r\n".to_owned()) };
        let used: usize = self.files.values().map(Vec::len).sum();
        let room = ROOM.saturating_sub(used);
        let mut content = Vec::new();
        data.take(room as u64 + 1).read_to_end(&mut content).await?;
        if content.len() > room {
            return Ok("552 no more room\r\n".to_owned());
        }
        self.files.insert(file.to_owned(), content);
        Ok("226 done\r\n".to_owned())
    }
}
