//! `pack keygen` and `pack rotate`, and the keys that the other commands are given.

use std::num::{NonZeroU8, NonZeroU64};
use std::path::{Path, PathBuf};

use update_pack::seal::ProfileKey;
use update_pack::trust::{Group, Keyset, PublicKey, Rotation, SigningKey, Trust};
use update_pack::wire::Role;

use super::files::{bytes, create, replace, text};
use crate::cli::{Done, Exit};

/// What a file of trusted keys begins with.
const KEYSET: &[u8] = b"\x89UPT";

/// `pack keygen`
pub(super) fn keygen(args: &super::Keygen) -> Done {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| Exit::cannot(format!("no random numbers: {error}")))?;
    if args.role == super::KeyRole::Profile {
        create(&args.out, 0o600, format!("{}\n", hex(&secret)).as_bytes())?;
        println!("{}  profile key {}", args.out.display(), ProfileKey::new(secret).id());
        println!(
            "give it to the cards of the profile, and to `pack build --seal NAME={}`",
            args.out.display()
        );
        return Ok(());
    }
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
    match args.role {
        super::KeyRole::Root => println!("root keys sign only `pack rotate`: keep this one offline"),
        super::KeyRole::Emergency => {
            println!("emergency keys are for the day the release keys are lost: offline");
        }
        super::KeyRole::Release | super::KeyRole::Profile => {}
    }
    Ok(())
}

/// `pack rotate`
pub(super) fn rotate(args: &super::Rotate) -> Done {
    let old = args.trust.as_deref().map(|path| Ok::<_, Exit>((bytes(path)?, keyset(path)?))).transpose()?;
    let known = |role| old.as_ref().and_then(|(_, keys)| keys.group(role)).cloned();
    let group = |role, paths: &[PathBuf], threshold: Option<u8>| -> Result<Option<Group>, Exit> {
        let before: Option<Group> = known(role);
        let keys = match (paths, &before) {
            ([], None) => return Ok(None),
            ([], Some(before)) => before.keys().copied().collect(),
            (paths, _) => paths.iter().map(|path| public(path)).collect::<Result<Vec<_>, _>>()?,
        };
        let count = keys.len();
        let threshold = threshold.or(before.map(|before| before.threshold().get())).unwrap_or(1);
        let group = NonZeroU8::new(threshold).and_then(|threshold| Group::new(keys, threshold));
        group.map(Some).ok_or_else(|| {
            Exit::usage(format!("{role}: expected a threshold from 1 to the number of different keys, found {threshold} of {count}"))
        })
    };
    let need = |role: Role, group: Option<Group>| {
        group.ok_or_else(|| {
            Exit::usage(format!("expected a {role} key, found none"))
                .next(format!("give it as --{role} KEY.pub"))
        })
    };
    let root = need(Role::ROOT, group(Role::ROOT, &args.root, args.root_threshold)?)?;
    let release = need(Role::RELEASE, group(Role::RELEASE, &args.release, args.release_threshold)?)?;
    let emergency = group(Role::EMERGENCY, &args.emergency, args.emergency_threshold)?;
    let version = old.as_ref().map_or(0, |(_, keys)| keys.version().get()) + 1;
    let version = NonZeroU64::new(version).unwrap_or(NonZeroU64::MIN);
    let next = Keyset::new(version, root, release, emergency).map_err(Exit::usage)?;
    let by = args.key.iter().map(|path| signing(path)).collect::<Result<Vec<_>, _>>()?;
    let role = if args.as_emergency { Role::EMERGENCY } else { Role::ROOT };
    let record = Rotation::sign(next, role, &by)
        .ok_or_else(|| Exit::usage("--key: expected between 1 and 255 different keys"))?;
    let mut file = old.map(|(bytes, _)| bytes).unwrap_or_default();
    record.emit(&mut file);
    replace(&args.out, &file)?;
    println!("{}: set of keys {version}, signed by {}", args.out.display(), by.len());
    show_keys(record.keys());
    match Keyset::open(&file) {
        Ok(_) => println!("it is complete: cards that trust the one before follow it"),
        Err(error) => {
            println!(
                "it is not complete yet: {error}; `pack sign {} --key KEY` adds one",
                args.out.display()
            );
        }
    }
    Ok(())
}

/// Who is trusted with what, a line a role.
pub(super) fn show_keys(keys: &Keyset) {
    for role in Role::ALL {
        let Some(group) = keys.group(role) else { continue };
        println!("  {:<9}  {} of {}", role.to_string(), group.threshold(), group.keys().len());
        group.keys().for_each(|key| println!("             {key}"));
    }
}

/// What `--trust` names: public keys, or one set of keys.
pub(super) fn trust(paths: &[PathBuf], threshold: u8) -> Result<Trust, Exit> {
    if let [path] = paths
        && is_keyset(&bytes(path)?)
    {
        return keyset(path).map(Trust::keys);
    }
    let keys = paths.iter().map(|path| public(path)).collect::<Result<Vec<_>, _>>()?;
    let count = keys.len();
    let group = NonZeroU8::new(threshold).and_then(|threshold| Group::new(keys, threshold));
    let group = group.ok_or_else(|| {
        Exit::usage(format!(
            "--threshold: expected 1 to {count}, the number of different keys, found {threshold}"
        ))
    })?;
    Ok(Trust::only(Role::RELEASE, group))
}

/// Brings a file of trusted keys forward to what an installed package has brought.
pub(super) fn advance(paths: &[PathBuf], rotations: &[u8]) -> Done {
    let [path] = paths else { return Ok(()) };
    let mut file = bytes(path)?;
    if rotations.is_empty() || !is_keyset(&file) {
        return Ok(());
    }
    let known = keyset(path)?;
    let next = known.advance(rotations).map_err(|error| Exit::no(format!("{}: {error}", path.display())))?;
    if next == known {
        return Ok(());
    }
    let records = Rotation::parse_all(rotations).unwrap_or_default();
    records
        .iter()
        .filter(|record| record.keys().version() > known.version())
        .for_each(|record| record.emit(&mut file));
    replace(path, &file)?;
    println!("{}: the package brought set of keys {}", path.display(), next.version());
    Ok(())
}

pub(super) fn is_keyset(bytes: &[u8]) -> bool {
    bytes.starts_with(KEYSET)
}

pub(super) fn keyset(path: &Path) -> Result<Keyset, Exit> {
    Keyset::open(&bytes(path)?).map_err(|error| {
        Exit::no(format!("{}: {error}", path.display()))
            .next("`pack rotate` writes sets of keys, `pack sign` completes them")
    })
}

pub(super) fn signing(path: &Path) -> Result<SigningKey, Exit> {
    SigningKey::from_pem(&text(path)?).map_err(|error| {
        Exit::usage(format!("{}: expected an Ed25519 private key (PKCS#8 PEM): {error}", path.display()))
            .next(
                "make one with `server-module pack keygen --out KEY` or `openssl genpkey -algorithm ed25519`",
            )
    })
}

fn public(path: &Path) -> Result<PublicKey, Exit> {
    PublicKey::from_pem(&text(path)?).map_err(|error| {
        Exit::usage(format!("{}: expected an Ed25519 public key (SPKI PEM): {error}", path.display()))
            .next("`openssl pkey -in KEY -pubout` writes one")
    })
}

/// The key of a profile, as `pack keygen --role profile` writes it.
pub(super) fn profile(path: &Path) -> Result<[u8; 32], Exit> {
    let digits = text(path)?;
    let digits = digits.trim();
    let byte = |at: usize| digits.get(at * 2..at * 2 + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..32).map(byte).collect();
    bytes.filter(|_| digits.len() == 64).and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| {
        Exit::usage(format!("{}: expected 64 hexadecimal digits", path.display()))
            .next("`pack keygen --role profile --out FILE` writes a key")
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn beside(key: &Path) -> PathBuf {
    let mut name = key.as_os_str().to_os_string();
    name.push(".pub");
    name.into()
}
