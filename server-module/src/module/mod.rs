//! The composition: one task owns the cabinet, drivers around it carry its effects out.
//!
//! ```text
//!  customers -> door, drive::http -> proxy --------------------.
//!  cards     -> drive::dhcp, drive::tftp, drive::traps --reports--> handle --> the cabinet's task
//!  operators -> drive::ctl, admin, drive::snmp --------commands-->   |             |
//!                                                                    '<-inventory--'--effects--> routes, probes,
//!                                                                                     actions, traps, log
//! ```

mod audit;
pub(crate) mod boot;
mod boots;
mod cards;
mod customers;
mod effects;
mod element;
mod files;
pub mod handle;
pub mod journal;
mod listen;
mod machine;
mod pages;
mod probe;
mod reload;
mod routes;
mod rows;
mod secret;
pub mod shell;
pub mod store;
mod usage;
mod ways;

use std::fmt::Display;
use std::future::Future;
use std::io::{self, IsTerminal};
use std::net::Ipv4Addr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bootcfg::dhcp::Server;
use bootcfg::tftp;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use snmp_mib::manager;
use snmp_mib::notify::{Receiver, Trap, receive};
use tokio::net::UdpSocket;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing_subscriber::EnvFilter;

use crate::admin::Admin;
use crate::cabinet::{Cabinet, Limits, Who};
use crate::cli::{Done, Exit};
use crate::config::Config;
use crate::door::Lanes;
use crate::drive::{self, ctl};
use crate::files::{Plugins, Workshop};

use boots::Boots;
use cards::Cards;
use customers::{Customers, Door};
use effects::Effects;
use element::Steward;
use files::Files;
use handle::{Clock, Handle, Keeper};
use listen::{Sockets, Taken};
use secret::CardSecret;
use shell::Shell;
use usage::Recorder;

use reload::Reloader;

/// How long running requests may take once the module is told to end.
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Signals: HUP reads the configuration again, whole or not at all; TERM and INT end the module.\n\n\
    Examples:\n  \
    server-module init --out module.toml\n  \
    server-module run --config module.toml"
)]
pub struct Args {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}

/// Carries the command out.
///
/// # Errors
/// [`Exit`] says why not.
pub fn run(args: &Args) -> Done {
    log("info");
    let config = crate::cli::check::load(&args.config)?;
    runtime()?.block_on(async {
        let module = Module::start(config, &args.config).await?;
        tracing::info!(config = %args.config.display(), "the module is ready");
        module.until_told().await
    })
}

/// Logs to stderr what SERVER_MODULE_LOG asks for, else this level.
pub(crate) fn log(level: &str) {
    let filter = EnvFilter::try_from_env("SERVER_MODULE_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let colour =
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let format = tracing_subscriber::fmt().with_env_filter(filter).with_target(false);
    // A second call finds the first one's subscriber, which serves as well.
    let _ = format.with_ansi(colour).with_writer(std::io::stderr).try_init();
}

/// The runtime of everything but the customers, who have lanes of their own. It is one thread: a datagram is then
/// answered by the thread that the kernel woke, which costs half of what handing it to another does. As many files may
/// be open as the system grants: a shell's usual 1,024 are too few for a whole cabinet's sockets.
pub(crate) fn runtime() -> Result<Runtime, Exit> {
    let granted = getrlimit(Resource::Nofile);
    // What cannot be raised stays; sockets that cannot be had are told where they are missed.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: granted.maximum, ..granted });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Exit::cannot(format_args!("cannot start: {error}")))
}

/// Waits until TERM or INT says that it is time to end.
pub(crate) async fn told() -> Done {
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| deaf(&error))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| deaf(&error))?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

fn deaf(error: &io::Error) -> Exit {
    Exit::cannot(format_args!("cannot listen to signals: {error}"))
}

/// A running module.
pub(crate) struct Module {
    handle: Handle,
    reloader: Reloader,
    stop: watch::Sender<bool>,
    /// What lets running work finish when told to stop.
    lanes: Lanes,
    /// What is simply ended; each says why if it ends by itself.
    tasks: JoinSet<Exit>,
}

/// Why a module did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// A socket cannot be had.
    #[error("{0}")]
    Taken(Taken),
    /// The configuration is one that a check should have refused.
    #[error("{0}")]
    Config(String),
    /// The state directory cannot be used.
    #[error("cannot use the state directory {}: {error}", path.display())]
    State {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl From<StartError> for Exit {
    fn from(error: StartError) -> Self {
        match &error {
            StartError::Taken(taken) => Self::cannot(&error).next(taken.advice()),
            StartError::Config(_) => Self::usage(&error),
            StartError::State { .. } => {
                Self::cannot(&error).next("change module.state, or who owns the directory")
            }
        }
    }
}

impl Module {
    /// Starts everything that the configuration switches on; the sockets are bound when this returns.
    pub(crate) async fn start(config: Config, file: &Path) -> Result<Self, StartError> {
        let state = config.module.state.clone();
        let unusable = |error| StartError::State { path: state.clone(), error };
        prepare(&state).map_err(unusable)?;
        let secret = CardSecret::load(&state).map_err(unusable)?;
        let shell = ctl::Socket::bind(&state.join("ctl.sock")).await.map_err(unusable)?;
        let lanes = Lanes::cores();
        let sockets = Sockets::bind(&config.listen, &config.cards, lanes).await.map_err(StartError::Taken)?;
        let server = boot::server(&config).map_err(StartError::Config)?;

        let clock = Clock::start();
        let (store, kept) = store::Store::open(&state.join("store")).map_err(unusable)?;
        let cabinet = Cabinet::new(clock.now(), &config.definition(), kept, Limits::default());
        let cabinet = cabinet.map_err(|flaws| StartError::Config(listed(&flaws)))?;
        let plugins = Plugins::of(&config).map_err(|error| StartError::Config(error.to_string()))?;
        let workshop = Workshop::new(plugins);
        let (keeping, writing) = store::keep(store, |error| {
            tracing::error!("what was commanded cannot be kept, and a restart will not know of it: {error}");
        });
        let (keeper, handle) = Keeper::new(cabinet, clock, keeping.clone());
        let recorder = Recorder::new(config.network.local_clients.clone());
        let (proxy, routes) = routes::proxy(&config, Arc::clone(&recorder));
        let (stop, stopping) = watch::channel(false);
        let (dhcp, servers) = watch::channel(None);
        let config = watch::Sender::new(Arc::new(config));
        let (began, options) = (Instant::now(), Arc::clone(&config.borrow()));
        let accounts = pages::accounts(&options).map_err(unusable)?;
        let reloader = Reloader {
            file: file.to_path_buf(),
            handle: handle.clone(),
            config: config.clone(),
            dhcp,
            accounts: accounts.clone(),
            workshop: workshop.clone(),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(ended("store", async {
            writing.await;
            Ok(())
        }));

        let files = Arc::new(Files::new(handle.clone(), config.subscribe(), secret.clone(), workshop));
        let making = files::keep(Arc::clone(&files));
        tasks.spawn(ended("files of cards", async {
            making.await;
            Ok(())
        }));
        let files: Arc<dyn drive::tftp::Content> = files;
        for socket in sockets.tftp {
            let tftp =
                drive::tftp::serve(socket, tftp::server::Config::default(), Arc::clone(&files), |event| {
                    tracing::debug!(?event, "tftp");
                });
            tasks.spawn(ended("tftp", tftp));
        }
        if let Some(listener) = sockets.dhcp {
            let mut server = Server::new(server).map_err(|error| StartError::Config(error.to_string()))?;
            let handle = handle.clone();
            let (journal, kept) = journal::Log::open(&state.join("leases")).map_err(unusable)?;
            if kept.torn > 0 {
                tracing::warn!("dhcp: {} octets of an unfinished lease were cut off", kept.torn);
            }
            let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
            for (lease, client) in &kept.leases {
                server.restore(now, lease, client);
            }
            let tell = move |event| boot::tell(&handle, &event);
            let dhcp = drive::dhcp::serve_with(listener, server, now, servers, tell, journal);
            tasks.spawn(ended("dhcp", dhcp));
        }
        let managers = udp(Ipv4Addr::UNSPECIFIED).await.map_err(unusable)?;
        let boots = match options.snmp.users.is_empty() {
            true => None,
            false => Some(Boots::begin(&state, options.snmp.number()).map_err(unusable)?),
        };
        let sender = element::sender(&options, boots.as_ref());
        let (notifier, notifying) = drive::snmp::notifier(managers, sender, began);
        tasks.spawn(ended("traps to managers", notifying));
        let watching = element::watch_entities(handle.clone(), notifier.clone());
        tasks.spawn(ended("entities", async {
            watching.await;
            Ok(())
        }));
        let asks = manager::Client::new(manager::Config::default(), chance());
        let inside = udp(options.network.address).await.map_err(unusable)?;
        let (manager, polling) = drive::poll::manager(inside, asks, began);
        tasks.spawn(ended("questions to cards", polling));
        let cards = Cards::new(handle.clone(), manager, secret, options.snmp.card_port);
        if !sockets.snmp.is_empty() {
            let agent = element::agent(&options, boots.as_ref());
            let agent = agent.map_err(|error| StartError::Config(error.to_string()))?;
            let steward = Steward::new(handle.clone(), notifier.clone(), cards.clone());
            tasks.spawn(ended("snmp", drive::snmp::serve(sockets.snmp, agent, steward, began)));
        }
        let (calls, asking) = cards.clone().asking();
        tasks.spawn(ended("questions to cards", async {
            asking.await;
            Ok(())
        }));
        for socket in sockets.traps {
            let (calls, handle) = (calls.clone(), handle.clone());
            let receiver = Receiver::new(receive::Config::default());
            let take = move |from, trap: &Trap<'_>| calls.take(&handle, from, trap);
            tasks.spawn(ended("traps from cards", drive::traps::receive(socket, receiver, began, take)));
        }
        let customers = Customers::new(&options, Arc::clone(&proxy), &routes).map_err(unusable)?;
        let lanes = Lanes::start(lanes, &proxy).map_err(unusable)?;
        for (interface, listeners) in sockets.customers {
            customers.open(&lanes, Door::Interface(interface), listeners, &stopping);
        }
        for (card, listeners) in sockets.bindings {
            customers.open(&lanes, Door::Card(card), listeners, &stopping);
        }
        if !sockets.admin.is_empty() {
            let identity = pages::identity(&options).map_err(unusable)?;
            for listener in sockets.admin {
                let (admin, identity) = (Admin::new(handle.clone(), accounts.clone()), identity.clone());
                tasks.spawn(ended("admin", async move { admin.serve(listener, &identity).await }));
            }
        }
        for listener in sockets.metrics {
            tasks.spawn(ended("metrics", drive::metrics::serve(listener, handle.clone())));
        }
        let (keep, witness) = (state.clone(), handle.clone());
        tasks.spawn(ended("audit", async move { audit::write(&keep, witness).await }));
        let counting = recorder.tell(handle.clone());
        tasks.spawn(ended("usage", async {
            counting.await;
            Ok(())
        }));
        let control = shell.serve(Shell { handle: handle.clone(), reread: reloader.clone().reread() });
        tasks.spawn(ended("ctl", async {
            control.await;
            Ok(())
        }));
        let mut effects = Effects { handle: handle.clone(), keeping, proxy, routes, cards, notifier };
        tasks.spawn(async move {
            keeper.run(|output, inventory| effects.carry(output, inventory)).await;
            Exit::cannot("the cabinet has ended")
        });
        Ok(Self { handle, reloader, stop, lanes, tasks })
    }

    /// The cabinet.
    pub(crate) const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Runs until a signal ends it.
    pub(crate) async fn until_told(mut self) -> Done {
        let mut hangup = signal(SignalKind::hangup()).map_err(|error| deaf(&error))?;
        let mut told = std::pin::pin!(told());
        loop {
            tokio::select! {
                end = &mut told => break end?,
                _ = hangup.recv() => self.reload().await,
                exit = self.failed() => return Err(exit),
            }
        }
        self.stop().await;
        Ok(())
    }

    /// Waits for a part that ends by itself, which none should.
    pub(crate) async fn failed(&mut self) -> Exit {
        match self.tasks.join_next().await {
            Some(Ok(exit)) => exit,
            Some(Err(error)) => Exit::cannot(format_args!("a part of the module has failed: {error}")),
            None => Exit::cannot("the module has no parts"),
        }
    }

    async fn reload(&self) {
        match self.reloader.reload(Who::module()).await {
            Ok(_) => tracing::info!("the configuration was read again"),
            Err(problems) => tracing::error!("the old configuration stays in force: {problems}"),
        }
    }

    /// Takes no new requests, lets running ones finish for ten seconds at most, then ends.
    pub(crate) async fn stop(mut self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(END_TIMEOUT, self.lanes.done()).await.is_err() {
            tracing::warn!("ending with requests still running after {END_TIMEOUT:?}");
        }
        self.tasks.shutdown().await;
    }
}

/// Makes the state directory, for its owner only.
fn prepare(state: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(state)
}

/// A socket that speaks from an address of the module, or from whichever leads there where it has not got that one.
async fn udp(address: Ipv4Addr) -> io::Result<UdpSocket> {
    match UdpSocket::bind((address, 0)).await {
        Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
            UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await
        }
        result => result,
    }
}

/// A number that nobody guesses easily.
fn chance() -> i32 {
    let mut octets = [0; 4];
    // Without chance the numbers begin at the same place in each run; answers are still matched by address.
    let _ = getrandom::fill(&mut octets);
    i32::from_ne_bytes(octets) & i32::MAX
}

/// What a task that should never end says when it does.
async fn ended(interface: &'static str, task: impl Future<Output = io::Result<()>>) -> Exit {
    match task.await {
        Ok(()) => Exit::cannot(format_args!("{interface} has ended")),
        Err(error) => Exit::cannot(format_args!("{interface} has ended: {error}")),
    }
}

/// Several problems as lines.
fn listed(problems: &[impl Display]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
