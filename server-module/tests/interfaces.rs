//! The local socket and the admin pages over a living cabinet: the real command line, real TLS.
#![allow(clippy::unwrap_used, missing_docs)]

mod bench;

use bench::definition;
use rustls::pki_types::ServerName;
use server_module::admin::{Accounts, Admin, Identity};
use server_module::cabinet::Secret;
use server_module::cabinet::{
    Alarm, Cabinet, Command, Input, Limits, Mac, Output, Reply, Role, Service, Share, Used,
};
use server_module::config::Account;
use server_module::drive::ctl::Socket;
use server_module::module::handle::{Clock, Handle, Keeper};
use server_module::module::shell::Shell;
use server_module::module::store::Keeping;
use std::path::PathBuf;
use std::process::Output as Ended;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A cabinet whose ports all answer, with its socket and its pages.
struct Living {
    handle: Handle,
    directory: PathBuf,
    admin: std::net::SocketAddr,
}

impl Living {
    async fn start(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("living-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).unwrap();
        let clock = Clock::start();
        let mut defined = definition(2, 3, &[("shop", &["1.1", "1.2"]), ("mail", &["2.1"])]);
        let mut shop = Service::clone(&defined.services[0]);
        shop.user = Some("uma".parse().unwrap());
        defined.services[0] = shop.into();
        let cabinet = Cabinet::new(clock.now(), &defined, [], Limits::default()).unwrap();
        let (keeper, handle) = Keeper::new(cabinet, clock, Keeping::nothing());
        let answers = handle.clone();
        tokio::spawn(keeper.run(move |output, _| {
            if let Output::Probe(probe) = output {
                answers.try_report(Input::Probed { id: probe.id, up: true });
            }
        }));
        let socket = Socket::bind(&directory.join("ctl.sock")).await.unwrap();
        let reread = definition(2, 3, &[("shop", &["1.1"])]);
        let commands = handle.clone();
        let reread = move |who| -> std::pin::Pin<Box<dyn Future<Output = Result<Reply, String>> + Send>> {
            let (handle, command) = (commands.clone(), Command::Reload(Box::new(reread.clone())));
            Box::pin(async move { handle.command(who, command).await.map_err(|error| error.to_string()) })
        };
        tokio::spawn(socket.serve(Shell { handle: handle.clone(), reread: Arc::new(reread) }));

        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let admin = listener.local_addr().unwrap();
        let identity = Identity::own(&directory, "admin", vec!["localhost".into()]).unwrap();
        let pages = Admin::new(
            handle.clone(),
            Accounts::new(&[account("ops", Role::Operator), account("uma", Role::User)]),
        );
        tokio::spawn(async move { pages.serve(listener, &identity).await });
        let living = Self { handle, directory, admin };
        for _ in 0..200 {
            if living.handle.snapshot().services.iter().all(|active| active.serving() == active.members.len())
            {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        living
    }

    /// Runs `server-module ctl ...` against it.
    async fn ctl(&self, words: &str) -> Ended {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_server-module"));
        command.arg("ctl").args(words.split_whitespace());
        command.env("SERVER_MODULE_SOCKET", self.directory.join("ctl.sock")).output().await.unwrap()
    }

    async fn ctl_json(&self, words: &str) -> serde_json::Value {
        let ended = self.ctl(&format!("{words} --json")).await;
        assert!(ended.status.success(), "{}", text(&ended.stderr));
        serde_json::from_slice(&ended.stdout).unwrap()
    }

    /// One HTTP/1.1 exchange over TLS; the whole answer as text.
    async fn https(&self, request: &str) -> String {
        let pem = std::fs::read(self.directory.join("admin.pem")).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        use rustls::pki_types::pem::PemObject as _;
        roots.add(rustls::pki_types::CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
        let config =
            rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
        let stream = tokio::net::TcpStream::connect(self.admin).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream =
            tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        text(&answer)
    }

    async fn get(&self, path: &str, headers: &str) -> String {
        self.https(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"))
            .await
    }

    async fn post(&self, path: &str, headers: &str, form: &str) -> String {
        let length = form.len();
        self.https(&format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: \
             application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n{headers}\r\n{form}"
        ))
        .await
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn account(name: &str, role: Role) -> Account {
    let hash = server_module::cli::user::hash("a long password").unwrap();
    Account { name: name.parse().unwrap(), role, password_hash: Secret::new(hash) }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `ops` and its password, as HTTP Basic.
const BASIC: &str = "Authorization: Basic b3BzOmEgbG9uZyBwYXNzd29yZA==\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn ctl_shows_and_commands() {
    let living = Living::start("ctl").await;
    let status = living.ctl_json("status").await;
    assert_eq!((status["cards"]["total"].as_u64(), status["cards"]["running"].as_u64()), (Some(6), Some(3)));
    assert_eq!(living.ctl_json("cards").await.as_array().unwrap().len(), 6);
    let table = text(&living.ctl("cards").await.stdout);
    assert!(table.starts_with("CARD  STATE"), "{table}");
    assert!(!table.contains('\u{1b}'), "no colours where no terminal is");

    let stopped = living.ctl("card stop 2.1 --no-wait").await;
    assert!(stopped.status.success());
    assert_eq!(
        living.ctl_json("card 2.1").await["draining"],
        true,
        "nobody has reported the end of the drain"
    );
    living.handle.report(Input::Drained { card: bench::card("2.1") }).await;
    assert_eq!(living.ctl_json("card 2.1 stop").await["state"], "off");
    assert_eq!(living.ctl_json("service mail").await["state"], "down");
    let again = living.ctl("card 2.1 stop").await;
    assert!(again.status.success() && text(&again.stdout).contains("already"), "idempotent");
    assert!(living.ctl("card 2.1 start").await.status.success());
    assert_eq!(living.ctl_json("reload").await["reloaded"]["services"], 1);
    assert_eq!(living.ctl_json("service").await.as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn ctl_says_what_to_do_next() {
    let living = Living::start("next").await;
    for (words, status, next) in [
        ("card 9.9", 1, "ctl cards"),
        ("service nosuch", 1, "ctl service"),
        ("card stop", 2, "ctl card"),
        ("card 1.1 explode", 2, "ctl card"),
        ("card x.y", 2, "ctl card"),
        ("--socket /nonexistent/ctl.sock status", 3, "--socket"),
    ] {
        let ended = living.ctl(words).await;
        let said = text(&ended.stderr);
        assert_eq!(ended.status.code(), Some(status), "{words}: {said}");
        assert!(
            said.contains("error: ") && said.contains("next: ") && said.contains(next),
            "{words}: {said}"
        );
        assert!(ended.stdout.is_empty(), "stdout is for answers");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_does_not_take_the_socket_and_a_dead_ones_is_replaced() {
    let living = Living::start("twice").await;
    let error = Socket::bind(&living.directory.join("ctl.sock")).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    let dead = living.directory.join("dead.sock");
    drop(std::os::unix::net::UnixListener::bind(&dead).unwrap());
    assert!(dead.exists());
    let _socket = Socket::bind(&dead).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_lines_on_the_socket_are_answered_or_closed() {
    let living = Living::start("hostile").await;
    for line in ["\n".into(), "{}\n".into(), "{\"ask\":\"nonsense\"}\n".into(), "x".repeat(100_000) + "\n"] {
        let mut stream = tokio::net::UnixStream::connect(living.directory.join("ctl.sock")).await.unwrap();
        let _ = stream.write_all(line.as_bytes()).await;
        let mut answer = [0; 512];
        let read = stream.read(&mut answer).await.unwrap_or(0);
        assert!(read == 0 || text(&answer[..read]).starts_with("{\"error\""), "{}", text(&answer[..read]));
    }
    assert_eq!(living.ctl_json("status").await["cards"]["total"], 6, "it still serves");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_want_a_login_and_scripts_use_basic() {
    let living = Living::start("basic").await;
    let answer = living.get("/", "").await;
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("www-authenticate: Basic"), "{answer}");
    let answer = living.get("/", "Accept: text/html\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 303") && answer.contains("location: /login"), "{answer}");
    let answer = living.get("/", BASIC).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for position in ["1.1", "1.2", "1.3", "2.1", "2.2", "2.3"] {
        assert!(answer.contains(&format!("/cards/{position}\"")), "{position}");
    }
    for path in ["/cards/1.1", "/services/shop"] {
        assert!(living.get(path, BASIC).await.starts_with("HTTP/1.1 200"), "{path}");
    }
    for path in ["/cards/9.9", "/cards/x", "/services/none", "/nonsense"] {
        assert!(living.get(path, BASIC).await.starts_with("HTTP/1.1 404"), "{path}");
    }
    let json = living.get("/", &format!("{BASIC}Accept: application/json\r\n")).await;
    assert!(json.contains("\"card\":\"1.1\""), "{json}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_its_security_headers() {
    let living = Living::start("headers").await;
    for path in ["/", "/login", "/style.css", "/nonsense"] {
        let answer = living.get(path, BASIC).await;
        for header in ["content-security-policy: default-src 'none'", "x-content-type-options: nosniff"] {
            assert!(answer.contains(header), "{path}: {header}");
        }
        assert!(
            !answer.contains("<script") && !answer.contains("http://"),
            "no script, nothing from elsewhere"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_gives_a_cookie_and_forms_carry_a_token() {
    let living = Living::start("login").await;
    let answer = living.post("/login", "", "name=ops&password=wrong").await;
    assert!(answer.starts_with("HTTP/1.1 403") && !answer.contains("set-cookie"), "{answer}");
    let answer = living.post("/login", "", "name=ops&password=a+long+password").await;
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    for attribute in ["__Host-session=", "Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let cookie = format!("Cookie: {}\r\n", cookie.split(';').next().unwrap());
    let page = living.get("/cards/1.1", &cookie).await;
    let token = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();

    let answer = living.post("/cards/1.1", &cookie, "verb=stop&csrf=guess").await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert!(
        !living.handle.snapshot().card(bench::card("1.1")).unwrap().cause.to_string().contains("commanded")
    );
    let foreign = format!("{cookie}Origin: https://evil.example\r\n");
    let answer = living.post("/cards/1.1", &foreign, &format!("verb=stop&csrf={token}")).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    let answer = living.post("/cards/1.1", &cookie, &format!("verb=stop&csrf={token}")).await;
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    assert_eq!(living.ctl_json("card 1.1").await["draining"], true, "one path for all interfaces");

    let answer = living.post("/logout", &cookie, "").await;
    assert!(answer.contains("Max-Age=0"), "{answer}");
    assert!(living.get("/", &format!("{cookie}Accept: text/html\r\n")).await.starts_with("HTTP/1.1 303"));
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_slowed_down_and_told_as_an_alarm() {
    let living = Living::start("guess").await;
    for _ in 0..5 {
        assert!(living.post("/login", "", "name=ops&password=guess").await.starts_with("HTTP/1.1 403"));
    }
    assert!(living.post("/login", "", "name=ops&password=guess").await.starts_with("HTTP/1.1 429"));
    let alarms =
        living.handle.look(|cabinet| cabinet.alarms().map(|(_, told)| told.count).collect::<Vec<_>>());
    assert_eq!(alarms.await.unwrap(), [6]);
}

#[test]
fn the_first_password_is_written_once_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = std::env::temp_dir().join(format!("first-{}", std::process::id()));
    let (_, path) = Accounts::first(&directory).unwrap();
    let word = std::fs::read_to_string(&path).unwrap();
    assert!(word.trim().len() >= 24);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    Accounts::first(&directory).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), word, "a restart keeps it");
    std::fs::remove_dir_all(&directory).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ctl_tells_why_what_happened_and_what_is_wrong() {
    let living = Living::start("why").await;
    let why = text(&living.ctl("why 1.3").await.stdout);
    assert!(why.starts_with("card 1.3 has been off for ") && why.contains("; next: switch it on"), "{why}");
    let why = text(&living.ctl("why 1.1").await.stdout);
    assert!(why.contains("running") && !why.contains("next"), "{why}");
    assert_eq!(living.ctl("why 7.7").await.status.code(), Some(1));

    living.ctl("service stop mail").await;
    assert_eq!(living.ctl_json("service mail").await["state"], "stopped");
    living.ctl("service mail start").await;
    assert_eq!(living.ctl_json("service mail").await["state"], "up");
    assert_eq!(living.ctl("service stop nosuch").await.status.code(), Some(1));

    let log = living.ctl_json("log -n 2").await;
    let lines: Vec<_> = log.as_array().unwrap().iter().map(|event| event["text"].as_str().unwrap()).collect();
    assert!(lines[0].ends_with("(operator, ctl): start service mail"), "{lines:?}");
    assert!(lines[1].ends_with("stop service nosuch refused: there is no service nosuch"), "{lines:?}");
    assert!(log[0]["at"].as_str().unwrap().ends_with('Z'));

    assert!(text(&living.ctl("alarms").await.stdout).contains("no alarms"));
    living.handle.report(Input::Alarm(Alarm::UnknownMac { mac: Mac([2; 6]) })).await;
    let alarms = living.ctl_json("alarms").await;
    assert_eq!((alarms[0]["count"].as_u64(), alarms.as_array().unwrap().len()), (Some(1), 1));

    let top = text(&living.ctl("top").await.stdout);
    assert!(top.contains("  1  [R] [R] [-]") && top.contains("  2  [R] [-] [-]"), "{top}");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_prometheus_text() {
    let living = Living::start("metrics").await;
    let used = Used { requests: 3, status: [0, 3, 0, 0, 0], bytes_out: 1234, ..Used::default() };
    let share = Share { service: "shop".parse().unwrap(), card: Some(bench::card("1.1")), used };
    living.handle.report(Input::Used(vec![share])).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(server_module::drive::metrics::serve(listener, living.handle.clone()));
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).await.unwrap();
    for line in [
        "server_module_cards{state=\"running\"} 3",
        "server_module_service_serving{service=\"shop\"} 2",
        "server_module_requests_total{service=\"shop\",card=\"1.1\",code=\"2xx\"} 3",
        "server_module_response_bytes_total{service=\"shop\",card=\"1.1\"} 1234",
    ] {
        assert!(page.contains(&format!("{line}\n")), "{line}: {page}");
    }
    let body = page.split_once("\r\n\r\n").unwrap().1;
    for line in body.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("server_module_") && value.parse::<f64>().is_ok(), "{line}");
        let family = name.split('{').next().unwrap();
        assert!(body.contains(&format!("# TYPE {family} ")), "{line}");
    }
}

/// Patent row S3 on the pages: a user sees and commands its own services and their cards, nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn patent_s3_a_user_sees_its_own_only() {
    let living = Living::start("user").await;
    let uma = "Authorization: Basic dW1hOmEgbG9uZyBwYXNzd29yZA==\r\n";
    let page = living.get("/", uma).await;
    assert!(page.contains("/services/shop\"") && page.contains("/cards/1.1\""), "{page}");
    assert!(
        !page.contains("/services/mail\"")
            && !page.contains("/cards/2.1\"")
            && !page.contains("Latest events")
    );
    for path in ["/services/mail", "/cards/2.1", "/cards/1.3"] {
        assert!(living.get(path, uma).await.starts_with("HTTP/1.1 404"), "{path}");
    }
    assert!(living.post("/services/mail", uma, "verb=stop").await.starts_with("HTTP/1.1 403"));
    assert!(living.post("/cards/2.1", uma, "verb=stop").await.starts_with("HTTP/1.1 403"));
    assert!(living.post("/services/shop", uma, "verb=stop").await.starts_with("HTTP/1.1 303"));
    assert_eq!(living.ctl_json("service shop").await["state"], "stopped");
    assert!(living.post("/services/shop", uma, "verb=explode").await.starts_with("HTTP/1.1 400"));
    let page = living.get("/", BASIC).await;
    assert!(page.contains("uma (user, web): stop service shop"), "the operator reads who did what: {page}");
}
