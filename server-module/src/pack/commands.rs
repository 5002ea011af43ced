//! What each command does.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use update_pack::campaign::Scope;
use update_pack::engine::{
    Config, Engine, Goal, Installed, Outcome, Plan, Reason, Recovered, Status, Summary,
};
use update_pack::tree::Side;
use update_pack::trust::{PublicKey, SigningKey, Trust};
use update_pack::verify::{Envelope, Reader};
use update_pack::wire::{Header, Root, Severity, Signatures};
use update_pack::{Limits, build};

use super::directory::Directory;
use super::drive::drive;
use super::scan::{os_path, scan};
use crate::cli::{Done, Exit};

/// `pack keygen`
pub(super) fn keygen(args: &super::Keygen) -> Done {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| Exit::cannot(format!("no random numbers: {error}")))?;
    let key = SigningKey::new(&secret);
    let public = beside(&args.out);
    // Neither file may be there: a key that is overwritten is lost for good.
    create(&args.out, 0o600, key.to_pem().as_bytes())?;
    if let Err(exit) = create(&public, 0o644, key.public().to_pem().as_bytes()) {
        let _ = std::fs::remove_file(&args.out);
        return Err(exit);
    }
    println!("{}  private: keep it where nobody else reads it", args.out.display());
    println!("{}  public {}: what the cards trust", public.display(), key.public());
    Ok(())
}

/// `pack build`
pub(super) fn build(args: &super::Build) -> Done {
    let severity = Severity::named(&args.severity).ok_or_else(|| {
        Exit::usage(format!("--severity: expected low, normal, high or critical, found {}", args.severity))
    })?;
    let key = SigningKey::from_pem(&text(&args.key)?).map_err(|error| {
        Exit::usage(format!("{}: expected an Ed25519 private key (PKCS#8 PEM): {error}", args.key.display()))
            .next(
                "make one with `server-module pack keygen --out KEY` or `openssl genpkey -algorithm ed25519`",
            )
    })?;
    let (before, after) = (scan(&args.from)?, scan(&args.to)?);
    let config = build::Config {
        from_version: args.from_version.clone(),
        to_version: args.to_version.clone(),
        epoch: args.epoch,
        scope: Scope::parse(&args.scope).map_err(|error| Exit::usage(format!("--scope: {error}")))?,
        severity,
        undo: true,
        ..build::Config::default()
    };
    let contents = |side, path: &update_pack::tree::Path| {
        std::fs::read(os_path(if side == Side::Before { &args.from } else { &args.to }, path))
    };
    let package = build::build(&config, &before, &after, contents, &[key]).map_err(|error| match error {
        build::Error::Text(_) | build::Error::Keys | build::Error::Downgrade { .. } => Exit::usage(error),
        error => Exit::cannot(error),
    })?;
    replace(&args.out, &package)?;
    println!("{}  {} bytes, {} to {}", args.out.display(), package.len(), args.from_version, args.to_version);
    Ok(())
}

/// `pack inspect`
pub(super) fn inspect(args: &super::Inspect) -> Done {
    let file = open(&args.file)?;
    let broken = |error: update_pack::Error| Exit::no(format!("{}: {error}", args.file.display()));
    // Only to show it: whoever has signed is believed here, and said to be.
    let header = Header::parse(&piece(&file, 0, 16)?).map_err(broken)?;
    let limits = Limits::default();
    if header.root_len > limits.root {
        return Err(Exit::no(format!("{}: the root is {} bytes long", args.file.display(), header.root_len)));
    }
    let root = piece(&file, 16, header.root_len as usize + 1)?;
    let (count, root_bytes) = root.split_last().ok_or_else(|| Exit::no("the file ends within its root"))?;
    let signatures = piece(&file, 17 + u64::from(header.root_len), usize::from(*count) * 96)?;
    let signatures = Signatures::parse(*count, &signatures).map_err(|error| broken(error.into()))?;
    Root::parse(root_bytes).map_err(broken)?;
    let keys = signatures.iter().filter_map(|signature| PublicKey::new(signature.key));
    let trust =
        Trust::new(keys, NonZeroUsize::MIN).ok_or_else(|| Exit::no("no signature is by a sound key"))?;
    let envelope = read_through(&file, trust).map_err(|error| match error {
        Ok(error) => broken(error),
        Err(error) => Exit::cannot(format!("{}: {error}", args.file.display())),
    })?;
    if args.json {
        println!("{}", json(&envelope, &args.file));
    } else {
        show(&envelope, &args.file);
    }
    Ok(())
}

/// `pack verify`
pub(super) fn verify(args: &super::Verify) -> Done {
    let file = open(&args.file)?;
    let envelope = read_through(&file, trust(&args.trust)?).map_err(|error| match error {
        Ok(error) => refused(&args.file, error),
        Err(error) => Exit::cannot(format!("{}: {error}", args.file.display())),
    })?;
    if args.json {
        println!("{}", json(&envelope, &args.file));
    } else {
        let signers: Vec<String> = envelope.signers.iter().map(ToString::to_string).collect();
        println!(
            "{}: sound, {} to {}, signed by {}",
            args.file.display(),
            envelope.from_version(),
            envelope.to_version(),
            signers.join(", ")
        );
    }
    Ok(())
}

/// `pack apply`
pub(super) fn apply(args: &super::Apply) -> Done {
    let trust = trust(&args.trust)?;
    let file = open(&args.file)?;
    let mut config = Config::default();
    config.dry_run = args.dry_run;
    let mut directory = directory(&args.root, Some(file))?;
    let mut engine = Engine::new(config, Goal::Apply(trust));
    match drive(&mut engine, &mut directory) {
        Outcome::Applied { from, to, resumed, summary, .. } => {
            let how = if resumed { " (went on with what an interrupted run had begun)" } else { "" };
            println!("{}: {from} to {to}{how}; {}", args.root.display(), Shown(&summary));
            Ok(())
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
        other => Err(ended(&args.root, Some(&args.file), other)),
    }
}

/// `pack undo`
pub(super) fn undo(args: &super::Undo) -> Done {
    let mut directory = directory(&args.root, None)?;
    let mut engine = Engine::new(Config::default(), Goal::Undo);
    match drive(&mut engine, &mut directory) {
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
    let Status { installed, undo, staging, recovered } = match drive(&mut engine, &mut directory) {
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
                None => "unmanaged",
                Some(Installed { undone: true, .. }) => "undone",
                Some(_) => "applied",
            },
            "undo": undo,
            "staging": staging,
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

/// Reads and checks a whole package; the inner error is the package's, the outer one the system's.
fn read_through(file: &File, trust: Trust) -> Result<Envelope, Result<update_pack::Error, io::Error>> {
    let mut reader = Reader::new(Limits::default(), trust);
    while let Some(need) = reader.need() {
        let bytes = super::directory::read(file, need.offset, need.len).map_err(|errno| Err(errno.into()))?;
        reader.feed(&bytes).map_err(Ok)?;
    }
    reader.finish().ok_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()))
}

fn show(envelope: &Envelope, path: &Path) {
    let root = &envelope.root;
    let plan = Plan::new(envelope.manifest.clone());
    println!("{}  {} bytes", path.display(), envelope.total);
    println!("  package   {}", envelope.id);
    println!("  versions  {} to {}", envelope.from_version(), envelope.to_version());
    println!("  scope     {}", root.scope);
    println!("  severity  {}, security epoch {}", root.severity, root.epoch);
    for signer in &envelope.signers {
        println!("  signed    by {signer} (valid; whether you trust it, `pack verify --trust` says)");
    }
    println!("  changes   {}", Shown(&plan.summary()));
    print_changes(&plan);
}

fn print_changes(plan: &Plan) {
    for change in plan.explain() {
        println!("    {change}");
    }
}

fn json(envelope: &Envelope, path: &Path) -> serde_json::Value {
    let summary = Plan::new(envelope.manifest.clone()).summary();
    serde_json::json!({
        "file": path.display().to_string(),
        "bytes": envelope.total,
        "package": envelope.id.to_string(),
        "from": envelope.from_version(),
        "to": envelope.to_version(),
        "scope": envelope.root.scope.to_string(),
        "severity": envelope.root.severity.to_string(),
        "epoch": envelope.root.epoch,
        "signers": envelope.signers.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "added": summary.added,
        "changed": summary.changed,
        "removed": summary.removed,
        "unchanged": summary.unchanged,
        "content_bytes": summary.bytes,
    })
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

fn refused(file: &Path, error: update_pack::Error) -> Exit {
    let exit = Exit::no(format!("{}: {error}", file.display()));
    match error {
        update_pack::Error::Malformed(_) => exit.next("fetch the package again; nothing was touched"),
        update_pack::Error::Untrusted(_) => {
            exit.next("ask who made the package which key signed it; nothing was touched")
        }
        update_pack::Error::BelowFloor { .. } => {
            exit.next("a later package has closed a hole that this one opens again")
        }
        _ => exit.next("nothing was touched"),
    }
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
        }
    }
}

fn trust(paths: &[PathBuf]) -> Result<Trust, Exit> {
    let keys: Result<Vec<PublicKey>, Exit> = paths
        .iter()
        .map(|path| {
            PublicKey::from_pem(&text(path)?).map_err(|error| {
                Exit::usage(format!("{}: expected an Ed25519 public key (SPKI PEM): {error}", path.display()))
                    .next("`openssl pkey -in KEY -pubout` writes one")
            })
        })
        .collect();
    Trust::new(keys?, NonZeroUsize::MIN).ok_or_else(|| Exit::usage("--trust: expected at least one key"))
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

fn open(path: &Path) -> Result<File, Exit> {
    File::open(path).map_err(|error| Exit::cannot(format!("{}: {error}", path.display())))
}

fn text(path: &Path) -> Result<String, Exit> {
    std::fs::read_to_string(path).map_err(|error| Exit::cannot(format!("{}: {error}", path.display())))
}

fn piece(file: &File, offset: u64, len: usize) -> Result<Vec<u8>, Exit> {
    let mut bytes = vec![0; len];
    match file.read_exact_at(&mut bytes, offset) {
        Ok(()) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(Exit::no("the file is no whole package"))
        }
        Err(error) => Err(Exit::cannot(error)),
    }
}

fn beside(key: &Path) -> PathBuf {
    let mut name = key.as_os_str().to_os_string();
    name.push(".pub");
    name.into()
}

fn create(path: &Path, mode: u32, bytes: &[u8]) -> Done {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let written = file.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(|error| {
        let exit = Exit::cannot(format!("{}: {error}", path.display()));
        if error.kind() == io::ErrorKind::AlreadyExists {
            exit.next("choose another name, or move it away")
        } else {
            exit
        }
    })
}

/// Writes a file whole or not at all.
fn replace(path: &Path, bytes: &[u8]) -> Done {
    let mut draft = path.as_os_str().to_os_string();
    draft.push(format!(".{}", std::process::id()));
    let draft = PathBuf::from(draft);
    let written = File::create(&draft).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&draft, path)
    });
    written.map_err(|error| {
        let _ = std::fs::remove_file(&draft);
        Exit::cannot(format!("{}: {error}", path.display()))
    })
}
