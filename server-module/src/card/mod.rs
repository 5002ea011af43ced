//! The program that runs on a card: boots, writes its files, starts its service, answers its cabinet.
//!
//! ```text
//! power-on -> DHCP: which address is mine -> TFTP: my files -> ROOT/ -> agent (Snmpconf) -> "I am here"
//!                                                                    '-> service <- the cabinet's switch
//! ```
//! The cards of the demo are this same code, one task each.

mod agent;
pub mod boot;
mod conf;
mod fetch;
mod sensor;
mod service;

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use bootcfg::HwAddr;
use bootcfg::boot::Event;
use bootcfg::dhcp::client;
use tokio::sync::mpsc;

use crate::cabinet::Position;
use crate::cli::{Done, Exit};
use crate::module;

use agent::Identity;
use boot::Link;
use conf::SnmpConf;
use service::{Program, Switch};

pub(crate) use agent::SERVICE;
pub(crate) use sensor::Sensors;
pub(crate) use service::Service;

/// How long a card that could not load its files waits before it tries again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Arguments of `card`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    server-module card --admin 10.1.0.1 --interface eth0 -- nginx -g 'daemon off;'\n  \
    server-module card --admin 10.1.0.1 --position 2.1 --root /tmp/card")]
pub struct Args {
    /// The cabinet's address on the internal network
    #[arg(long, value_name = "HOST")]
    admin: IpAddr,
    /// The position, when the card has its address already; else it boots by DHCP
    #[arg(long, value_name = "C.S")]
    position: Option<Position>,
    /// The interface to boot from
    #[arg(long, value_name = "NAME", default_value = "eth0", conflicts_with = "position")]
    interface: String,
    /// The card's own address; else the one by which it reaches the cabinet
    #[arg(long, value_name = "IP", requires = "position")]
    address: Option<Ipv4Addr>,
    /// The port of the cabinet's TFTP
    #[arg(long, value_name = "PORT", default_value_t = 69)]
    tftp_port: u16,
    /// The port of the card's agent
    #[arg(long, value_name = "PORT", default_value_t = 161)]
    agent_port: u16,
    /// Where the card's files go
    #[arg(long, value_name = "DIR", default_value = "/var/lib/server-module-card")]
    root: PathBuf,
    /// What serves the customers: a program that runs until it is told to end
    #[arg(last = true, value_name = "COMMAND")]
    service: Vec<OsString>,
}

/// Carries the command out.
///
/// # Errors
/// [`Exit`] says why not.
pub fn run(args: Args) -> Done {
    module::log("info");
    let start = match args.position {
        Some(position) => {
            let tftp = SocketAddr::new(args.admin, args.tftp_port);
            Start::Placed { position, address: args.address.map_or_else(|| local(tftp), Ok)?, tftp }
        }
        None => {
            let mut config = boot_config(&args.interface)?;
            config.tftp_port = args.tftp_port;
            Start::Boot { link: Link::Interface(args.interface), config: Box::new(config) }
        }
    };
    let service = Program::new(args.service, args.root.clone());
    let (cabinet, root) = (args.admin, args.root);
    let card = Card { start, cabinet, root, agent_port: args.agent_port, sensors: Sensors::Machine, service };
    module::runtime()?.block_on(async {
        let end = async {
            if let Err(exit) = module::told().await {
                crate::view::complain(&exit);
            }
        };
        card.live(end).await.map_err(Exit::from)
    })
}

/// The client of an interface: its own hardware address, and chance.
fn boot_config(interface: &str) -> Result<bootcfg::boot::Config, Exit> {
    let file = format!("/sys/class/net/{interface}/address");
    let cannot = |error: &dyn std::fmt::Display| {
        Exit::cannot(format_args!("cannot boot from interface {interface}: {error}"))
            .next("name another with --interface, or give --position if the card has its address already")
    };
    let text = fs::read_to_string(file).map_err(|error| cannot(&error))?;
    let hw: HwAddr = text.trim().parse().map_err(|error| cannot(&error))?;
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).map_err(|error| cannot(&error))?;
    let mut config = client::Config::new(hw, u64::from_ne_bytes(seed));
    config.vendor_class = Some(concat!("server-module/", env!("CARGO_PKG_VERSION")).to_owned());
    Ok(bootcfg::boot::Config::new(config))
}

/// A card before power-on.
pub(crate) struct Card<S> {
    /// How it begins.
    pub(crate) start: Start,
    /// The cabinet, which alone may ask and command.
    pub(crate) cabinet: IpAddr,
    /// Where its files go.
    pub(crate) root: PathBuf,
    /// The port of its agent.
    pub(crate) agent_port: u16,
    /// What it measures.
    pub(crate) sensors: Sensors,
    /// What it serves.
    pub(crate) service: S,
}

/// How a card begins.
#[derive(Clone, Debug)]
pub(crate) enum Start {
    /// By DHCP, which leads to its address and its files.
    Boot {
        /// How it hangs on the network.
        link: Link,
        /// What it asks for, and how.
        config: Box<bootcfg::boot::Config>,
    },
    /// It has the address of its position already, and loads its files.
    Placed {
        /// Where it sits.
        position: Position,
        /// Its address.
        address: Ipv4Addr,
        /// The cabinet's TFTP server.
        tftp: SocketAddr,
    },
}

/// What a card knows when it has booted.
#[derive(Clone, Debug)]
struct Booted {
    position: Position,
    address: Ipv4Addr,
    files: Vec<(String, Vec<u8>)>,
}

/// Why a card does not run, or no longer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// It did not get its address or its files.
    #[error("cannot boot: {0}")]
    Boot(String),
    /// It cannot keep its files.
    #[error("cannot write {}: {error}", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file that it needs is not among those that it got.
    #[error("the cabinet gave no usable Snmpconf: {0}")]
    Conf(String),
    /// Its agent has no socket, or lost it.
    #[error("the agent cannot listen on {address}: {error}")]
    Agent {
        /// Where.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
}

impl From<Trouble> for Exit {
    fn from(trouble: Trouble) -> Self {
        let exit = Self::cannot(&trouble);
        match trouble {
            Trouble::Boot(_) | Trouble::Conf(_) => {
                exit.next("server-module ctl why CARD, on the cabinet, says more")
            }
            Trouble::Write { .. } => exit.next("name another directory with --root"),
            Trouble::Agent { .. } => exit.next("end what listens there; port 161 needs CAP_NET_BIND_SERVICE"),
        }
    }
}

impl<S: Service> Card<S> {
    /// Boots, then serves until it is to `end`, or something fails for good. The service is stopped either way.
    ///
    /// # Errors
    /// What has failed.
    pub(crate) async fn live(self, end: impl Future<Output = ()>) -> Result<(), Trouble> {
        let Self { start, cabinet, root, agent_port, sensors, service } = self;
        let (booted, mut boots) = mpsc::channel(1);
        let booting = async {
            match start {
                Start::Boot { link, config } => by_dhcp(link, *config, booted).await,
                Start::Placed { position, address, tftp } => placed(position, address, tftp, booted).await,
            }
        };
        let serving = async {
            let (switch, wire) = Switch::on();
            let mut end = std::pin::pin!(end);
            let first = tokio::select! {
                first = boots.recv() => first.ok_or_else(|| Trouble::Boot("it ended without its files".to_owned()))?,
                () = &mut end => return Ok(()),
            };
            keep_files(&root, &first.files)?;
            let conf = first.files.iter().find(|(name, _)| name.eq_ignore_ascii_case("Snmpconf"));
            let (_, conf) = conf.ok_or_else(|| Trouble::Conf("there is none".to_owned()))?;
            let conf = SnmpConf::parse(&String::from_utf8_lossy(conf));
            let SnmpConf { read, write, told } = conf.map_err(|error| Trouble::Conf(error.to_string()))?;
            let Booted { position, address, .. } = first;
            let agent_at = SocketAddr::new(address.into(), agent_port);
            let identity = Identity { position, address, cabinet, read, write, told };
            tracing::info!(card = %position, %address, "booted");
            let refreshing = async {
                while let Some(again) = boots.recv().await {
                    keep_files(&root, &again.files)?;
                    tracing::info!(card = %position, "files renewed");
                }
                std::future::pending::<Result<(), Trouble>>().await
            };
            let failed = |error| Trouble::Agent { address: agent_at, error };
            let mut kept = std::pin::pin!(service::keep(service, wire));
            let outcome = tokio::select! {
                result = agent::run(&identity, agent_at, sensors, switch) => result.map_err(failed),
                result = refreshing => result,
                () = &mut kept => return Ok(()),
                () = end => Ok(()),
            };
            // The switch went with the agent: what nobody switches any more stops.
            kept.await;
            outcome
        };
        tokio::select! {
            result = serving => result,
            trouble = booting => Err(trouble),
        }
    }
}

/// Boots by DHCP and keeps the lease; every time that all files are there they go to `booted`.
async fn by_dhcp(link: Link, config: bootcfg::boot::Config, booted: mpsc::Sender<Booted>) -> Trouble {
    // Commands would refresh and release; nobody gives any yet, and the lease is kept while the sender lives.
    let (_commands, orders) = mpsc::channel(1);
    let progress = |boot: &bootcfg::boot::Boot, event: Event| match event {
        Event::Ready => {
            let position = boot.tree().and_then(position_of);
            if let (Some(position), Some(lease)) = (position, boot.lease()) {
                let files = boot.files().map(|(name, content)| (name.to_owned(), content.to_vec())).collect();
                let _ = booted.try_send(Booted { position, address: lease.address, files });
            }
        }
        event => tracing::debug!(?event, "boot"),
    };
    match boot::run(link, config, orders, progress).await {
        Ok(()) => Trouble::Boot("the address was given back".to_owned()),
        Err(error) => Trouble::Boot(error.to_string()),
    }
}

/// Loads the files of a position until they are there.
async fn placed(
    position: Position,
    address: Ipv4Addr,
    tftp: SocketAddr,
    booted: mpsc::Sender<Booted>,
) -> Trouble {
    loop {
        match fetch::files(position, address.into(), tftp).await {
            Ok(files) => {
                let _ = booted.send(Booted { position, address, files }).await;
                return std::future::pending().await;
            }
            Err(error) => tracing::warn!(card = %position, %tftp, "cannot load the card's files: {error}"),
        }
        tokio::time::sleep(RETRY_AFTER).await;
    }
}

/// The address by which this machine reaches another; nothing is sent.
fn local(to: SocketAddr) -> Result<Ipv4Addr, Exit> {
    let reach = || {
        let socket = std::net::UdpSocket::bind("0.0.0.0:0")?;
        socket.connect(to)?;
        socket.local_addr()
    };
    match reach() {
        Ok(SocketAddr::V4(own)) => Ok(*own.ip()),
        Ok(SocketAddr::V6(_)) => Err(Exit::cannot("cards have IPv4 addresses").next("give --address")),
        Err(error) => Err(Exit::cannot(format_args!("cannot reach {to}: {error}")).next("check --admin")),
    }
}

/// The position in the path of a card's tree, `/iboot/2.1/`.
fn position_of(tree: &str) -> Option<Position> {
    tree.trim_matches('/').rsplit('/').next()?.parse().ok()
}

/// Writes the card's files below its root: whole or not at all, the secret ones for their owner only.
fn keep_files(root: &Path, files: &[(String, Vec<u8>)]) -> Result<(), Trouble> {
    let trouble = |path: &Path| {
        let path = path.to_path_buf();
        move |error| Trouble::Write { path, error }
    };
    fs::create_dir_all(root).map_err(trouble(root))?;
    for (name, content) in files {
        // A file stands in the root and nowhere else, whatever it calls itself.
        if !matches!(Path::new(name).components().collect::<Vec<_>>().as_slice(), [Component::Normal(_)]) {
            return Err(Trouble::Boot(format!("{name:?} is no file name")));
        }
        let (path, new) = (root.join(name), root.join(format!(".{name}.new")));
        let secret = bootcfg::card::File::by_name(name).is_some_and(bootcfg::card::File::is_secret);
        let mode = if secret { 0o600 } else { 0o644 };
        let write = || {
            let mut file =
                fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&new)?;
            file.write_all(content)?;
            fs::rename(&new, &path)
        };
        write().map_err(trouble(&path))?;
    }
    Ok(())
}
