//! A whole cabinet on loopback with nothing to prepare.
//!
//! The demo writes a configuration file and runs the cabinet from it as `run` does. Around it stand what a rack has
//! and a laptop has not: cards ([`crate::card`], one task each), the wire from each slot to the chassis's DHCP relay,
//! and something for each card to serve.

mod files;
mod mail;
mod plan;
mod rack;
mod ready;
mod site;

use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::cabinet::State;
use crate::cli::{Done, Exit, user};
use crate::config::Config;
use crate::module::handle::Handle;
use crate::module::{self, Module, StartError};
use crate::view;

use plan::{Plan, Ports};
use rack::Rack;
use ready::Ready;

/// The operator of the demo.
const USER: &str = "operator";

/// How long all cards may take to boot and serve.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    server-module demo\n  \
    server-module demo --cards 280 --base-port 20000\n  \
    server-module demo --json --seconds 60")]
pub struct Args {
    /// How many cards: 1 to 280, filling 1.1 to 1.14, 2.1 and on
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=280))]
    cards: u16,
    /// End after this many seconds instead of at Ctrl-C
    #[arg(long, value_name = "S")]
    seconds: Option<u64>,
    /// The first of the ports, so that several demos can run side by side
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u16).range(1..=65512))]
    base_port: Option<u16>,
    /// Print one line of JSON when ready, and nothing else
    #[arg(long)]
    json: bool,
}

/// Carries the command out.
///
/// # Errors
/// [`Exit`] says why not.
pub fn run(args: &Args) -> Done {
    module::log("warn");
    let ports = match args.base_port {
        Some(base) => Ports::from_base(base).ok_or_else(|| Exit::usage("the last port would pass 65535"))?,
        None => Ports::STANDARD,
    };
    let plan = Plan::new(args.cards, ports);
    let directory = tempfile::Builder::new().prefix("server-module-demo-").tempdir();
    let directory = directory.map_err(|error| {
        Exit::cannot(format_args!("cannot make a temporary directory: {error}"))
            .next("set TMPDIR to one that can be written")
    })?;
    module::runtime()?.block_on(show(args, &plan, &directory))
}

async fn show(args: &Args, plan: &Plan, directory: &TempDir) -> Done {
    let began = Instant::now();
    let end = async {
        match args.seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    let cannot = |error: &dyn std::fmt::Display| Exit::cannot(format_args!("cannot start the demo: {error}"));
    let password = crate::admin::random_word().map_err(|error| cannot(&error))?;
    let file = directory.path().join("module.toml");
    let config = configure(plan, directory.path(), &file, &password)?;
    let mut module = Module::start(config, &file).await.map_err(taken)?;
    let rack = Rack::start(plan, directory.path()).await.map_err(|error| cannot(&error))?;
    tokio::select! {
        ready = all_serve(module.handle().clone()) => ready?,
        told = module::told() => return told,
        exit = module.failed() => return Err(exit),
    }
    let ready = Ready::new(plan, directory.path(), USER, &password, began.elapsed());
    if args.json {
        let line = serde_json::to_string(&ready).map_err(|error| cannot(&error))?;
        view::say(format_args!("{line}\n"));
    } else {
        view::say(format_args!("{ready}\n"));
    }
    tokio::select! {
        () = end => {}
        told = module::told() => told?,
        exit = module.failed() => return Err(exit),
    }
    module.stop().await;
    drop(rack);
    Ok(())
}

/// Writes the cabinet's configuration and reads it as `run` does.
fn configure(plan: &Plan, directory: &Path, file: &Path, password: &str) -> Result<Config, Exit> {
    let hash = user::hash(password)
        .map_err(|error| Exit::cannot(format_args!("cannot hash a password: {error}")))?;
    let text = plan.configuration(&directory.join("state"), USER, &hash);
    std::fs::write(file, text)
        .map_err(|error| Exit::cannot(format_args!("cannot write {}: {error}", file.display())))?;
    crate::cli::check::load(file)
}

/// A port that somebody else has is no fault of the machine: there are others.
fn taken(error: StartError) -> Exit {
    match error {
        StartError::Taken(ref busy) if busy.is_busy() => {
            Exit::usage(&error).next("choose other ports: server-module demo --base-port 20000")
        }
        error => error.into(),
    }
}

/// Waits until every card serves.
async fn all_serve(mut handle: Handle) -> Done {
    let serve = async {
        let mut inventory = handle.snapshot();
        while inventory.cards.values().any(|card| card.state != State::Running) {
            inventory = handle.changed().await.map_err(Exit::cannot)?;
        }
        Ok(())
    };
    tokio::time::timeout(READY_TIMEOUT, serve).await.unwrap_or_else(|_| {
        Err(Exit::cannot(format_args!("not every card serves after {READY_TIMEOUT:?}"))
            .next("SERVER_MODULE_LOG=debug shows what each does"))
    })
}
