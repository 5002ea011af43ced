//! What a simulated card serves by POP3: a mailbox with one message that says which card it is on. Any login with the
//! password `demo` opens it.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::cabinet::Position;

/// The longest command line.
const LONGEST_LINE: u64 = 512;

/// Serves until dropped.
pub(super) async fn serve(listener: TcpListener, position: Position, service: String) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = open.join_next() => {}
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                open.spawn(converse(stream, position, service.clone()));
            },
        }
    }
}

async fn converse(stream: TcpStream, position: Position, service: String) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let message = format!(
        "From: card {position} <card@demo.invalid>\r\nTo: you\r\nSubject: Hello from card {position}\r\n\r\n\
         This message is kept on card {position}, which serves {service}.\r\n"
    );
    let (size, mut name, mut entered) = (message.len(), String::new(), false);
    stream.write_all(b"+OK ready\r\n").await?;
    loop {
        let mut line = String::new();
        let mut limited = tokio::io::AsyncReadExt::take(&mut stream, LONGEST_LINE);
        if limited.read_line(&mut line).await? == 0 || !line.ends_with('\n') {
            return Ok(());
        }
        let line = line.trim_end();
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        let answer = match (verb.to_ascii_uppercase().as_str(), argument) {
            ("USER", user) => {
                user.clone_into(&mut name);
                "+OK\r\n".to_owned()
            }
            ("PASS", "demo") if !name.is_empty() => {
                entered = true;
                "+OK\r\n".to_owned()
            }
            ("PASS", _) => "-ERR [AUTH] wrong password\r\n".to_owned(),
            ("CAPA", _) => "+OK\r\nUSER\r\nTOP\r\nUIDL\r\n.\r\n".to_owned(),
            ("QUIT", _) => {
                stream.write_all(b"+OK\r\n").await?;
                return stream.shutdown().await;
            }
            _ if !entered => "-ERR USER and PASS first\r\n".to_owned(),
            ("STAT", _) => format!("+OK 1 {size}\r\n"),
            ("LIST", "") => format!("+OK\r\n1 {size}\r\n.\r\n"),
            ("LIST", "1") => format!("+OK 1 {size}\r\n"),
            ("UIDL", "") => format!("+OK\r\n1 card-{position}\r\n.\r\n"),
            ("UIDL", "1") => format!("+OK 1 card-{position}\r\n"),
            ("RETR", "1") => format!("+OK\r\n{message}.\r\n"),
            ("TOP", "1 0") => {
                format!("+OK\r\n{}\r\n\r\n.\r\n", message.split("\r\n\r\n").next().unwrap_or(""))
            }
            ("NOOP" | "RSET", _) => "+OK\r\n".to_owned(),
            _ => "-ERR no such command or message\r\n".to_owned(),
        };
        stream.write_all(answer.as_bytes()).await?;
    }
}
