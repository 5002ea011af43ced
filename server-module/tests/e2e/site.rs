//! `server-module run` between customers and cards of a test's own.

#![allow(dead_code)]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::common::{self, BINARY, Said};

/// A running module, ended with SIGTERM and expected to end well.
pub struct Site {
    pub dir: tempfile::TempDir,
    pub base: u16,
    child: Child,
}

impl Site {
    /// Starts a module whose configuration goes on as `text` gives it for a first free port. It listens for HTTP on
    /// that port; `BASE` stands for the port and `BASE+1` and so on for those behind it, `DIR` for a directory.
    pub fn start(text: &str) -> Site {
        for _ in 0..5 {
            if let Some(site) = Site::try_start(text) {
                return site;
            }
        }
        panic!("every port that was free a moment ago is busy");
    }

    fn try_start(text: &str) -> Option<Site> {
        let (base, dir) = (common::base_port(), tempfile::tempdir().unwrap());
        let child = Command::new(BINARY)
            .args(["run", "--config"])
            .arg(write(&dir, base, text))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(dir.path().join("stderr")).unwrap())
            .spawn()
            .unwrap();
        let mut site = Site { dir, base, child };
        let end = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(site.http()).is_err() {
            if let Some(status) = site.child.try_wait().unwrap() {
                assert_eq!(status.code(), Some(3), "{}", site.log());
                return None;
            }
            assert!(Instant::now() < end, "it never listened: {}", site.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(site)
    }

    /// Writes another configuration and has it read.
    pub fn reload(&self, text: &str) {
        write(&self.dir, self.base, text);
        self.ctl(&["reload"]).ok();
    }

    pub fn at(&self, offset: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.base + offset))
    }

    pub fn http(&self) -> SocketAddr {
        self.at(0)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn ctl(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(BINARY);
        let socket = self.dir.path().join("state/ctl.sock");
        command.arg("ctl").args(arguments).env("SERVER_MODULE_SOCKET", socket);
        common::finish(command)
    }

    /// Waits until the host's service answers with 200.
    pub fn serves(&self, host: &str) {
        common::eventually(host, || common::get(self.http(), host, "/").ok().filter(|a| a.status == 200));
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("stderr")).unwrap_or_default()
    }
}

fn write(dir: &tempfile::TempDir, base: u16, text: &str) -> std::path::PathBuf {
    let (file, state) = (dir.path().join("module.toml"), dir.path().join("state"));
    let mut text = format!("[module]\nname = \"lab\"\nstate = \"{}\"\n{text}", state.display());
    for offset in (1..40).rev() {
        text = text.replace(&format!("BASE+{offset}"), &(base + offset).to_string());
    }
    let text = text.replace("BASE", &base.to_string()).replace("DIR", &dir.path().display().to_string());
    fs::write(&file, text).unwrap();
    file
}

impl Drop for Site {
    fn drop(&mut self) {
        common::signal(&self.child, "TERM");
        let status = common::wait(&mut self.child, Duration::from_secs(15));
        if status.is_none() {
            self.child.kill().ok();
            self.child.wait().ok();
        }
        if std::thread::panicking() {
            println!("the module's log:\n{}", self.log());
        } else {
            assert_eq!(status, Some(0), "SIGTERM ends it cleanly: {}", self.log());
        }
    }
}

/// A program that a test runs beside; killed when dropped.
pub struct Beside(pub Child);

impl Beside {
    pub fn start(command: &mut Command) -> Beside {
        Beside(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A card that answers every request with its own text and keeps what it was sent: each head once.
#[derive(Clone)]
pub struct Card {
    pub heads: Arc<Mutex<Vec<String>>>,
}

impl Card {
    /// Serves at this address until the test ends.
    pub fn serve(address: SocketAddr, body: &'static str) -> Card {
        let listener = TcpListener::bind(address).unwrap_or_else(|error| panic!("{address}: {error}"));
        let card = Card { heads: Arc::default() };
        let heads = Arc::clone(&card.heads);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let heads = Arc::clone(&heads);
                std::thread::spawn(move || answer(stream, body, &heads));
            }
        });
        card
    }

    /// The last head.
    pub fn last(&self) -> String {
        self.heads.lock().unwrap().last().cloned().unwrap_or_default()
    }
}

/// Answers one request after the other; their bodies have a length.
fn answer(stream: TcpStream, body: &str, heads: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            (reader.read_line(&mut head).ok()? > 0).then_some(())?;
        }
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let mut sent = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        reader.read_exact(&mut sent).ok()?;
        let headless = head.starts_with("HEAD ");
        heads.lock().unwrap().push(head);
        let text = if headless { "" } else { body };
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", body.len());
        stream.write_all(answer.as_bytes()).ok()?;
    }
}
