//! What every end-to-end test shares: the rule for what is missing, bounded commands, a cabinet of one's own.

#![allow(dead_code, unreachable_pub)]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_server-module");

/// No command of a test runs longer than this.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// Whether everything in `things` is here: names of programs, or `"root"`.
///
/// What is missing prints `skipped: needs X`, and the test returns; with `SERVER_MODULE_TESTS=all` it fails instead.
pub fn has(things: &[&str]) -> bool {
    let missing: Vec<&str> = things.iter().copied().filter(|thing| !is_here(thing)).collect();
    if missing.is_empty() {
        return true;
    }
    let missing = missing.join(", ");
    assert!(
        std::env::var("SERVER_MODULE_TESTS").as_deref() != Ok("all"),
        "SERVER_MODULE_TESTS=all allows no skipping: needs {missing}"
    );
    println!("skipped: needs {missing}");
    false
}

fn is_here(thing: &str) -> bool {
    if thing == "root" {
        return fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    }
    place(thing).is_some()
}

/// Where a program is. Ordinary users have no /usr/sbin in their PATH, and may run most of what is there.
fn place(program: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let places = path.split(':').chain(["/usr/sbin", "/sbin", "/usr/bin", "/bin"]);
    places.map(|place| Path::new(place).join(program)).find(|file| file.is_file())
}

/// A command of a program that [`has`] found.
pub fn tool(program: &str) -> Command {
    Command::new(place(program).unwrap_or_else(|| program.into()))
}

/// What a finished command said.
#[derive(Debug)]
pub struct Said {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    /// The standard output of a command that must have succeeded.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.status, 0, "exit status {}\n{}\n{}", self.status, self.out, self.err);
        self.out
    }
}

/// Runs a program to its end, killed after half a minute.
pub fn run<S: AsRef<std::ffi::OsStr>>(program: &str, arguments: &[S]) -> Said {
    let mut command = tool(program);
    command.args(arguments);
    finish(command)
}

/// Runs a prepared command to its end, killed after half a minute.
pub fn finish(mut command: Command) -> Said {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let readers = (drain(child.stdout.take()), drain(child.stderr.take()));
    let status = wait(&mut child, COMMAND_TIMEOUT);
    let Some(status) = status else {
        child.kill().ok();
        child.wait().ok();
        panic!("{command:?} did not end in {COMMAND_TIMEOUT:?}");
    };
    let (out, err) = (readers.0.join().unwrap(), readers.1.join().unwrap());
    Said { status, out, err }
}

fn drain(stream: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            stream.read_to_end(&mut bytes).ok();
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// The exit status of a child that ends within `timeout`; `128 + signal` where a signal ended it.
pub fn wait(child: &mut Child, timeout: Duration) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt;
    let end = Instant::now() + timeout;
    loop {
        if let Some(status) = child.try_wait().expect("wait for a child") {
            return Some(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)));
        }
        if Instant::now() >= end {
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Tries until `probe` gives something, for ten seconds.
#[track_caller]
pub fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < end, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Sends a signal by name to a process that this test started.
pub fn signal(child: &Child, name: &str) {
    let arguments = ["-s", name, &child.id().to_string()];
    let sent = Command::new("kill").args(arguments).status();
    assert!(sent.is_ok_and(|status| status.success()), "kill {arguments:?}");
}

/// A first port below the ephemeral range with nothing on it nor on the ten after it.
pub fn base_port() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 250).unwrap();
    for _ in 0..250 {
        let step = (start + TAKEN.fetch_add(1, Ordering::Relaxed)) % 250;
        let base = 20_000 + step * 40;
        if (base..base + 11).all(is_free) {
            return base;
        }
    }
    panic!("no forty free ports between 20000 and 30000");
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok() && UdpSocket::bind(("127.0.0.1", port)).is_ok()
}

/// A running `server-module demo`, stopped and cleaned up when dropped.
pub struct Demo {
    pub ready: Value,
    /// From the start of the process to the ready line.
    pub ready_after: Duration,
    pub base: u16,
    /// A directory of the test's own; the demo's temporary files are under `tmp` in it.
    pub dir: tempfile::TempDir,
    child: Child,
}

impl Demo {
    /// Starts a cabinet of `cards` cards that ends by itself after two minutes at most.
    pub fn start(cards: u32) -> Demo {
        for _ in 0..5 {
            if let Some(demo) = Demo::try_start(cards, &[]) {
                return demo;
            }
        }
        panic!("every port that was free a moment ago is busy");
    }

    fn try_start(cards: u32, more: &[&str]) -> Option<Demo> {
        let (base, dir) = (base_port(), tempfile::tempdir().unwrap());
        let tmp = dir.path().join("tmp");
        fs::create_dir(&tmp).unwrap();
        let started = Instant::now();
        let mut child = Command::new(BINARY)
            .args(["demo", "--json", "--seconds", "120", "--cards", &cards.to_string()])
            .args(["--base-port", &base.to_string()])
            .args(more)
            .env("TMPDIR", &tmp)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(dir.path().join("stderr")).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready_after = started.elapsed();
        if line.is_empty() {
            let status = wait(&mut child, Duration::from_secs(5));
            let err = fs::read_to_string(dir.path().join("stderr")).unwrap();
            assert!(
                status == Some(2) && err.contains("--base-port"),
                "the demo ended with {status:?}: {err}"
            );
            return None;
        }
        let ready = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Some(Demo { ready, ready_after, base, dir, child })
    }

    /// Where an interface listens, from the ready line.
    #[track_caller]
    pub fn at(&self, key: &str) -> &str {
        self.ready[key].as_str().unwrap_or_else(|| panic!("{key} is not switched on: {}", self.ready))
    }

    #[track_caller]
    pub fn socket(&self, key: &str) -> SocketAddr {
        self.at(key).parse().unwrap()
    }

    /// `server-module ctl ...` against this cabinet.
    pub fn ctl(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(BINARY);
        command.arg("ctl").args(arguments).env("SERVER_MODULE_SOCKET", self.at("ctl"));
        finish(command)
    }

    /// One request to the proxy with this host and path.
    pub fn get(&self, host: &str, path: &str) -> Answer {
        get(self.socket("http"), host, path).expect("an answer from the proxy")
    }

    /// The card that answers for this host.
    pub fn card_for(&self, host: &str) -> String {
        let answer = self.get(host, "/");
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.header("x-demo-card").unwrap_or_else(|| panic!("no x-demo-card: {answer:?}")).to_owned()
    }

    /// What the demo has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("stderr")).unwrap_or_default()
    }

    /// Ends the demo as Ctrl-C does and gives its exit status.
    pub fn interrupt(&mut self) -> i32 {
        signal(&self.child, "INT");
        wait(&mut self.child, Duration::from_secs(10)).expect("an end within ten seconds of Ctrl-C")
    }

    /// What is left of the demo's temporary files.
    pub fn leftovers(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.dir.path().join("tmp")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            signal(&self.child, "TERM");
            if wait(&mut self.child, Duration::from_secs(5)).is_none() {
                self.child.kill().ok();
                self.child.wait().ok();
            }
        }
        if std::thread::panicking() {
            println!("the demo's log:\n{}", self.log());
        }
    }
}

/// An HTTP answer, read to the end of the connection.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// One GET on a connection of its own.
pub fn get(to: SocketAddr, host: &str, path: &str) -> std::io::Result<Answer> {
    raw(to, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
}

/// Sends these bytes on a connection of their own and reads the answer to its end.
pub fn raw(to: SocketAddr, request: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&to, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other(format!("not an HTTP answer: {text:?}")))?;
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

/// The standard output of a command that may fail, or `None`.
pub fn output(command: &mut Command) -> Option<Output> {
    command.stdin(Stdio::null()).output().ok()
}
