//! What each command does.

use std::fs::File;
use std::io;
use std::path::Path;

use update_pack::engine::{
    Config, Engine, Goal, Installed, Outcome, Plan, Reason, Recovered, Status, Summary,
};
use update_pack::seal::ProfileKey;

use super::directory::Directory;
use super::drive::drive;
use super::files::open;
use super::keys;
use crate::cli::{Done, Exit};

/// `pack apply`
pub(super) fn apply(args: &super::Apply) -> Done {
    let trust = keys::trust(&args.trust, args.threshold)?;
    let file = open(&args.file)?;
    let mut config = Config::default();
    config.dry_run = args.dry_run;
    config.device.profile = args.profile.clone();
    for path in &args.profile_key {
        config.keys.push(ProfileKey::new(keys::profile(path)?));
    }
    config.watch = args.hands.health.is_some();
    let mut directory = directory(&args.root, Some(file))?;
    let mut engine = Engine::new(config, Goal::Apply(trust));
    match drive(&mut engine, &mut directory, (&args.root, &args.hands)) {
        Outcome::Applied { from, to, resumed, summary, .. } => {
            let how = if resumed { " (went on with what an interrupted run had begun)" } else { "" };
            let from = if from.is_empty() { "nothing" } else { &from };
            println!("{}: {from} to {to}{how}; {}", args.root.display(), Shown(&summary));
            // Only now that the whole package is verified and installed do the keys count that it brings.
            engine.envelope().map_or(Ok(()), |envelope| keys::advance(&args.trust, &envelope.rotations))
        }
        Outcome::Applicable { from, to, summary, .. } => {
            if let Some(plan) = engine.plan() {
                print_changes(plan);
            }
            println!(
                "{}: would go from {from} to {to}; {}; nothing was touched",
                args.root.display(),
                Shown(&summary)
            );
            Ok(())
        }
        Outcome::Trial(trial) => {
            println!("{}: {}", args.root.display(), OnTrial(&trial));
            Ok(())
        }
        other => Err(ended(&args.root, Some(&args.file), other)),
    }
}

/// `pack watch`
pub(super) fn watch(args: &super::Watch) -> Done {
    let mut directory = directory(&args.root, None)?;
    let mut config = Config::default();
    config.watch = true;
    let mut engine = Engine::new(config, Goal::Watch);
    match drive(&mut engine, &mut directory, (&args.root, &args.hands)) {
        Outcome::Applied { from, to, .. } => {
            println!("{}: {from} to {to}, and it is well", args.root.display());
            Ok(())
        }
        Outcome::Status(_) => {
            println!("{}: nothing is on trial", args.root.display());
            Ok(())
        }
        other => Err(ended(&args.root, None, other)),
    }
}

/// `pack confirm`
pub(super) fn confirm(args: &super::Confirm) -> Done {
    let mut directory = directory(&args.root, None)?;
    let mut engine = Engine::new(Config::default(), Goal::Confirm);
    match drive(&mut engine, &mut directory, (&args.root, &super::Hands::default())) {
        Outcome::Applied { from, to, .. } => {
            println!("{}: {from} to {to}, and it stays", args.root.display());
            Ok(())
        }
        other => Err(ended(&args.root, None, other)),
    }
}

/// `pack undo`
pub(super) fn undo(args: &super::Undo) -> Done {
    let mut directory = directory(&args.root, None)?;
    let mut engine = Engine::new(Config::default(), Goal::Undo);
    match drive(&mut engine, &mut directory, (&args.root, &args.hands)) {
        Outcome::Undone { from: Some(from), to: Some(to) } => {
            println!("{}: {from} back to {to}", args.root.display());
            Ok(())
        }
        Outcome::Undone { .. } => {
            println!("{}: the interrupted update is taken back", args.root.display());
            Ok(())
        }
        other => Err(ended(&args.root, None, other)),
    }
}

/// `pack status`
pub(super) fn status(args: &super::StatusArgs) -> Done {
    let mut directory = directory(&args.root, None)?;
    let mut engine = Engine::new(Config::default(), Goal::Status);
    let hands = super::Hands::default();
    let ended_with = drive(&mut engine, &mut directory, (&args.root, &hands));
    let Status { installed, undo, staging, trial, recovered } = match ended_with {
        Outcome::Status(status) => status,
        other => return Err(ended(&args.root, None, other)),
    };
    let recovered = recovered.map(|recovered| match recovered {
        Recovered::Finished => "finished",
        Recovered::RolledBack => "rolled-back",
        Recovered::Undone => "undone",
    });
    if args.json {
        let value = serde_json::json!({
            "root": args.root.display().to_string(),
            "version": installed.as_ref().map(|installed| &installed.version),
            "package": installed.as_ref().map(|installed| installed.package.to_string()),
            "floor": installed.as_ref().map_or(0, |installed| installed.floor),
            "state": match &installed {
                _ if trial.is_some() => "trial",
                None => "unmanaged",
                Some(Installed { undone: true, .. }) => "undone",
                Some(_) => "applied",
            },
            "undo": undo,
            "staging": staging,
            "trial": trial.as_ref().map(|trial| serde_json::json!({
                "version": trial.to, "left": trial.left, "seconds": trial.seconds, "restart": trial.restart,
            })),
            "recovered": recovered,
        });
        println!("{value}");
        return Ok(());
    }
    match (installed, undo) {
        (None, _) => println!("{}: no update was ever applied here", args.root.display()),
        (Some(installed), Some(undo)) => {
            println!(
                "{}: version {}; `pack undo` goes back to {undo}",
                args.root.display(),
                installed.version
            );
        }
        (Some(installed), None) => {
            println!("{}: version {}, back from an undo", args.root.display(), installed.version);
        }
    }
    if let Some(trial) = trial {
        println!("{}", OnTrial(&trial));
    }
    if staging {
        println!(
            "an update has begun and not touched anything: apply its package again to go on, or `pack undo`"
        );
    }
    if let Some(recovered) = recovered {
        println!("an earlier run was interrupted: {recovered} now");
    }
    Ok(())
}

fn print_changes(plan: &Plan) {
    for change in plan.explain() {
        println!("    {change}");
    }
}

struct OnTrial<'a>(&'a update_pack::engine::Trial);

impl std::fmt::Display for OnTrial<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let update_pack::engine::Trial { from, to, restart, left, seconds, .. } = self.0;
        write!(f, "{to} is on trial, {left} times {seconds} s; ")?;
        if *restart {
            write!(f, "start the program anew and let it run `pack watch`")
        } else {
            write!(
                f,
                "`pack watch --health COMMAND` or `pack confirm` keeps it, `pack undo` goes back to {from}"
            )
        }
    }
}

struct Shown<'a>(&'a Summary);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Summary { added, changed, removed, unchanged, bytes } = self.0;
        write!(
            f,
            "{added} added, {changed} changed, {removed} removed, {unchanged} as they were; {bytes} bytes of content"
        )
    }
}

/// Why a directory was not brought where it should go.
fn ended(root: &Path, package: Option<&Path>, outcome: Outcome) -> Exit {
    let root = root.display();
    match outcome {
        Outcome::Refused(Reason::Package(error)) => {
            refused(package.unwrap_or(Path::new("the package")), error)
        }
        Outcome::Refused(Reason::Different(difference)) => Exit::no(format!("{root}: {difference}"))
            .next("nothing was touched; `pack status` says which version was installed last"),
        Outcome::Refused(Reason::NothingToUndo) => {
            Exit::no(format!("{root}: there is no update to take back"))
                .next("`pack status` says what is installed")
        }
        Outcome::Refused(Reason::NoEffect(difference)) => {
            Exit::cannot(format!("{root}: the storage said done, and it is not: {difference}"))
                .next("check the disk; the directory was put back")
        }
        Outcome::Refused(Reason::Unwell(unwell)) => Exit::no(format!(
            "{root}: the new version did not show that it is well in {} of its attempts; {} is back",
            unwell.attempts, unwell.to
        ))
        .next("mend the package, or what --health asks; applying this one again tries it again"),
        Outcome::Refused(Reason::Step { step, verb }) => {
            Exit::no(format!("{root}: step {step}: {verb} does not succeed; everything was put back"))
                .next("--steps names the directory of the programs for steps")
        }
        Outcome::Refused(Reason::OnTrial) => Exit::no(format!("{root}: another version is on trial"))
            .next("`pack confirm` keeps it, `pack undo` takes it back"),
        Outcome::Refused(Reason::NoTrial) => Exit::no(format!("{root}: nothing is on trial")),
        Outcome::Refused(Reason::Stranded { component }) => {
            Exit::no(format!("{root}: the version before could not read the data of {component} any more"))
                .next("go forward: a later package may mend what is wrong")
        }
        Outcome::Refused(Reason::Journal { place, why }) => Exit::cannot(format!("{root}/{place}: {why}"))
            .next("restore that file from a backup; nothing was guessed"),
        Outcome::Failed { what, failure, settled } => {
            let exit = Exit::cannot(format!("{root}: {}: {failure}", Tried(&what)));
            exit.next(if settled {
                "everything was put back; mend the cause and try again"
            } else {
                "mend the cause; the next `pack apply`, `undo` or `status` goes on from here"
            })
        }
        other => Exit::cannot(format!("{root}: {other:?}")),
    }
}

pub(super) fn refused(file: &Path, error: update_pack::Error) -> Exit {
    let exit = Exit::no(format!("{}: {error}", file.display()));
    use update_pack::{Error, Untrusted};
    exit.next(match error {
        Error::Malformed(_) => "fetch the package again; nothing was touched",
        Error::Untrusted(Untrusted::Gap { .. }) => {
            "trying again does not help: fetch the set of keys that comes between; nothing was touched"
        }
        Error::Untrusted(_) => "ask who made the package which key signed it; nothing was touched",
        Error::BelowFloor { .. } => {
            "trying again does not help: a later package has closed a hole that this one opens again"
        }
        Error::Unsupported { .. } => "update this program first; nothing was touched",
        Error::Limit { .. } => {
            "trying again does not help: it is too large for this machine; nothing was touched"
        }
        Error::NoWay => "`pack inspect` shows its legs; --profile says which cards this is one of",
        Error::OutOfScope => "trying again does not help: it is for other cards; nothing was touched",
        Error::Sealed => "give the key of the card's profile as --profile-key; nothing was touched",
        _ => "nothing was touched",
    })
}

/// What was being done when it failed.
struct Tried<'a>(&'a update_pack::engine::Effect);

impl std::fmt::Display for Tried<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use update_pack::engine::Effect;
        match self.0 {
            Effect::ReadPackage { .. } => write!(f, "reading the package"),
            Effect::Read { place, .. } => write!(f, "reading {place}"),
            Effect::Stat { place } => write!(f, "looking at {place}"),
            Effect::List { place } => write!(f, "listing {place}"),
            Effect::ReadLink { place } => write!(f, "reading the link {place}"),
            Effect::MakeDir { place } | Effect::Create { place } | Effect::Symlink { place, .. } => {
                write!(f, "making {place}")
            }
            Effect::Write { place, .. } => write!(f, "writing {place}"),
            Effect::Link { from, to } => write!(f, "linking {from} as {to}"),
            Effect::Rename { from, to } => write!(f, "renaming {from} to {to}"),
            Effect::Unlink { place } | Effect::RemoveDir { place } => write!(f, "removing {place}"),
            Effect::SetMode { place, mode, .. } => write!(f, "setting the mode of {place} to {mode}"),
            Effect::SetModified { place, .. } => write!(f, "setting the time of {place}"),
            Effect::Inherit { from, .. } => write!(f, "copying owner and attributes of {from}"),
            Effect::Barrier => write!(f, "flushing to disk"),
            Effect::Run(call) => write!(f, "step {}: {}", call.name, call.verb),
        }
    }
}

fn directory(root: &Path, package: Option<File>) -> Result<Directory, Exit> {
    Directory::open(root, package).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => {
            Exit::cannot(format!("{}: another update is at work there", root.display()))
                .next("wait for it to end, then try again")
        }
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            Exit::usage(format!("{}: expected a directory: {error}", root.display()))
        }
        _ => Exit::cannot(format!("{}: {error}", root.display())),
    })
}
