//! `pack build`: from directories to one file.

use std::num::{NonZeroU8, NonZeroU32};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use update_pack::build::{self, Builder, Sealing, Way};
use update_pack::campaign::Scope;
use update_pack::seal::{ProfileKey, Secret};
use update_pack::tree::{self, Mode, Side, Tree};
use update_pack::wire::{Epochs, Format, Guard, Migration, Owned, Role, Severity, Terms, When};

use super::files::{bytes, replace, text};
use super::keys::{profile, signing};
use super::scan::{os_path, scan};
use super::shown::Bytes;
use crate::cli::{Done, Exit};

/// `pack build`
pub(super) fn build(args: &super::Build) -> Done {
    if args.from.len() != args.from_version.len() {
        let (dirs, versions) = (args.from.len(), args.from_version.len());
        return Err(Exit::usage(format!(
            "expected a --from-version for each --from, found {versions} for {dirs}"
        )));
    }
    let keys = args.key.iter().map(|path| signing(path)).collect::<Result<Vec<_>, _>>()?;
    let terms = args.terms.as_deref().map(terms).transpose()?.unwrap_or_default();
    let mut builder = Builder::new(config(args)?);
    let profiles = if args.profile.is_empty() { vec![String::new()] } else { args.profile.clone() };
    for profile in &profiles {
        // With profiles, each directory holds one directory for each of them.
        let beneath = |dir: &Path| if profile.is_empty() { dir.to_path_buf() } else { dir.join(profile) };
        let to = beneath(&args.to);
        let after = look(&to, &terms)?;
        let mut add =
            |from: Option<&Path>, version: &str, to: &Path, to_version: &str, after: &Tree| -> Done {
                let before = match from {
                    Some(from) => look(from, &terms)?,
                    None => Tree::new(
                        after.get(&tree::Path::root()).and_then(tree::Node::mode).unwrap_or(root_mode()),
                    ),
                };
                let terms = if from.is_some() { terms.clone() } else { fresh(&terms) };
                let way = Way {
                    profile: profile.clone(),
                    to: to_version.into(),
                    terms,
                    ..Way::new(version, &before, after)
                };
                let contents = |side, path: &tree::Path| {
                    std::fs::read(os_path(if side == Side::Before { from.unwrap_or(to) } else { to }, path))
                };
                builder.leg(way, contents).map(drop).map_err(|error| refused(&error))
            };
        let froms: Vec<PathBuf> = args.from.iter().map(|dir| beneath(dir)).collect();
        for (index, (from, version)) in froms.iter().zip(&args.from_version).enumerate() {
            match (froms.get(index + 1), args.from_version.get(index + 1)) {
                (Some(next), Some(next_version)) if args.chain => {
                    add(Some(from), version, next, next_version, &look(next, &terms)?)?;
                }
                _ => add(Some(from), version, &to, "", &after)?,
            }
        }
        if args.full {
            add(None, "", &to, "", &after)?;
        }
    }
    let package = builder.finish(&keys).map_err(|error| refused(&error))?;
    replace(&args.out, &package)?;
    let froms = args.from_version.join(", ");
    println!("{}  {}, {froms} to {}", args.out.display(), Bytes(package.len() as u64), args.to_version);
    Ok(())
}

fn config(args: &super::Build) -> Result<build::Config, Exit> {
    let severity = Severity::named(&args.severity).ok_or_else(|| {
        Exit::usage(format!("--severity: expected low, normal, high or critical, found {}", args.severity))
    })?;
    Ok(build::Config {
        to_version: args.to_version.clone(),
        epoch: args.epoch,
        scope: Scope::parse(&args.scope).map_err(|error| Exit::usage(format!("--scope: {error}")))?,
        // Emergency keys sign nothing less.
        severity: if args.emergency { Severity::CRITICAL } else { severity },
        downgrade: args.downgrade,
        text: args.text.as_deref().map(text).transpose()?.unwrap_or_default(),
        role: if args.emergency { Role::EMERGENCY } else { Role::RELEASE },
        rotations: args.rotations.as_deref().map(bytes).transpose()?.unwrap_or_default(),
        undo: !args.no_undo,
        seal: sealing(args)?,
        ..build::Config::default()
    })
}

fn sealing(args: &super::Build) -> Result<Option<Sealing>, Exit> {
    if args.seal.is_empty() {
        return Ok(None);
    }
    let keys = args.seal.iter().map(|seal| {
        let (name, path) = seal.split_once('=').unwrap_or(("", seal));
        Ok((name.to_owned(), ProfileKey::new(profile(Path::new(path))?)))
    });
    let secret = match &args.seal_secret {
        Some(path) => profile(path)?,
        None => {
            let mut secret = [0; 32];
            getrandom::fill(&mut secret)
                .map_err(|error| Exit::cannot(format!("no random numbers: {error}")))?;
            secret
        }
    };
    Ok(Some(Sealing { secret: Secret::new(secret), keys: keys.collect::<Result<_, Exit>>()? }))
}

/// Reads a directory, but for what is the device's own.
fn look(dir: &Path, terms: &Terms) -> Result<Tree, Exit> {
    let owned = |path: &tree::Path| {
        let below = |(data, owned): &(tree::Path, Owned)| {
            let rest = path.as_bytes().strip_prefix(data.as_bytes());
            *owned == Owned::Data && rest.is_some_and(|rest| rest.starts_with(b"/"))
        };
        terms.owned.iter().any(below)
    };
    scan(dir, &owned)
}

/// The terms for a directory in which nothing is installed: there are no data to migrate.
fn fresh(terms: &Terms) -> Terms {
    let after = terms.formats.iter().filter(|format| format.after.is_some());
    let formats = after.map(|format| Format { before: None, ..format.clone() }).collect();
    Terms { steps: Vec::new(), formats, ..terms.clone() }
}

fn root_mode() -> Mode {
    Mode::from_stat(0o755)
}

fn refused(error: &build::Error<std::io::Error>) -> Exit {
    let exit = match error {
        build::Error::Read { .. } | build::Error::Changed { .. } | build::Error::Compressor => {
            Exit::cannot(error)
        }
        _ => Exit::usage(error),
    };
    match error {
        build::Error::Downgrade { .. } => exit.next("--downgrade says that it is meant"),
        build::Error::Changed { .. } => exit.next("build again once nobody writes there"),
        build::Error::Legs => {
            exit.next("give each --from a --from-version of its own, and none that of --to-version")
        }
        build::Error::Terms(_) => {
            exit.next("see --terms: what is `data` holds no file of a version, what is `config` is one")
        }
        build::Error::Unreadable => {
            exit.next("give --seal NAME=FILE for each --profile, or --seal FILE for all")
        }
        _ => exit,
    }
}

/// A file of terms.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct File {
    data: Vec<String>,
    config: Vec<String>,
    replaces_itself: bool,
    guard: Option<GuardOf>,
    step: Vec<StepOf>,
    format: Vec<FormatOf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GuardOf {
    seconds: NonZeroU32,
    attempts: NonZeroU8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepOf {
    name: String,
    #[serde(default)]
    arguments: String,
    #[serde(default)]
    before: bool,
    #[serde(default)]
    reversible: bool,
    seconds: NonZeroU32,
    #[serde(default = "once")]
    attempts: NonZeroU8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FormatOf {
    component: String,
    before: Option<EpochsOf>,
    after: Option<EpochsOf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EpochsOf {
    reads: [u32; 2],
    writes: u32,
}

fn once() -> NonZeroU8 {
    NonZeroU8::MIN
}

fn terms(path: &Path) -> Result<Terms, Exit> {
    let File { data, config, replaces_itself, guard, step, format } =
        toml::from_str(&text(path)?).map_err(|error| Exit::usage(format!("{}: {error}", path.display())))?;
    let mut owned = Vec::new();
    for (names, what) in [(data, Owned::Data), (config, Owned::Config)] {
        for name in names {
            let place = tree::Path::new(name.as_bytes())
                .map_err(|problem| Exit::usage(format!("{}: {name}: {problem}", path.display())))?;
            owned.push((place, what));
        }
    }
    owned.sort();
    let epochs = |of: Option<EpochsOf>| {
        of.map(|EpochsOf { reads: [oldest, newest], writes }| Epochs { oldest, newest, writes })
    };
    let mut formats: Vec<Format> = format
        .into_iter()
        .map(|of| Format { component: of.component, before: epochs(of.before), after: epochs(of.after) })
        .collect();
    formats.sort_by(|a, b| a.component.cmp(&b.component));
    let steps = step.into_iter().map(|step| Migration {
        name: step.name,
        arguments: step.arguments,
        when: if step.before { When::Before } else { When::After },
        reversible: step.reversible,
        seconds: step.seconds,
        attempts: step.attempts,
    });
    Ok(Terms {
        owned,
        steps: steps.collect(),
        formats,
        guard: guard.map(|GuardOf { seconds, attempts }| Guard { seconds, attempts }),
        replaces_itself,
        extensions: Vec::new(),
    })
}
