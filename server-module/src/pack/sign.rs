//! `pack sign` and `pack strip`: changes to a file that leave what is signed as it is.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use update_pack::trust::{Keyset, Rotation};
use update_pack::wire::{END_LEN, Opening, emit_end};

use super::files::{bytes, open, replace, splice};
use super::keys::{is_keyset, signing};
use crate::cli::{Done, Exit};

/// More than what stands before the manifests can ever take.
const OPENING_MAX: u64 = 1 << 20;

/// `pack sign`
pub(super) fn sign(args: &super::Sign) -> Done {
    let keys = args.key.iter().map(|path| signing(path)).collect::<Result<Vec<_>, _>>()?;
    let again = |key: &update_pack::trust::SigningKey| {
        Exit::no(format!("{}: {} has signed it already", args.file.display(), key.public()))
            .next("a key counts once, however often it signs")
    };
    let mut file = open(&args.file)?;
    let mut start = [0; 4];
    if file.read(&mut start).is_ok_and(|_| is_keyset(&start)) {
        let mut records =
            Rotation::parse_all(&bytes(&args.file)?).map_err(|error| broken(&args.file, error))?;
        let last = records.pop().ok_or_else(|| Exit::no("the file is empty"))?;
        let signed = keys.iter().try_fold(last, |record, key| record.also(key).ok_or_else(|| again(key)))?;
        records.push(signed);
        let mut out = Vec::new();
        records.iter().for_each(|record| record.emit(&mut out));
        replace(&args.file, &out)?;
        match Keyset::open(&out) {
            Ok(keys) => println!("{}: set of keys {} is complete", args.file.display(), keys.version()),
            Err(error) => println!("{}: signed; not complete yet: {error}", args.file.display()),
        }
        return Ok(());
    }
    let (opening, at) = opening(&args.file)?;
    let sign = |opening: Opening, key: &update_pack::trust::SigningKey| {
        opening.signed(key.sign(&opening.header().emit(), opening.root())).ok_or_else(|| again(key))
    };
    let signed = keys.iter().try_fold(opening, sign)?;
    rewrite(&args.file, &args.file, &signed, at)?;
    let count = signed.signatures().iter().len();
    println!("{}: signed by {count} {}", args.file.display(), if count == 1 { "key" } else { "keys" });
    Ok(())
}

/// `pack strip`
pub(super) fn strip(args: &super::Strip) -> Done {
    let (opening, at) = opening(&args.file)?;
    let severed = opening.severed().ok_or_else(|| {
        Exit::no(format!("{}: it has no text", args.file.display())).next("nothing was changed")
    })?;
    let out = args.out.as_deref().unwrap_or(&args.file);
    rewrite(&args.file, out, &severed, at)?;
    println!("{}: without its text; the signatures hold as before", out.display());
    Ok(())
}

fn opening(path: &Path) -> Result<(Opening, u64), Exit> {
    let mut start = Vec::new();
    let read = open(path)?.take(OPENING_MAX).read_to_end(&mut start);
    read.map_err(|error| Exit::cannot(format!("{}: {error}", path.display())))?;
    Opening::parse(&start).map_err(|error| broken(path, error))
}

/// Writes the file with another beginning, and the length that it then has.
fn rewrite(from: &Path, to: &Path, opening: &Opening, at: u64) -> Done {
    let mut old: File = open(from)?;
    let len = old.metadata().map_err(|error| Exit::cannot(format!("{}: {error}", from.display())))?.len();
    let head = opening.emit();
    let total = len.saturating_sub(at) + head.len() as u64;
    if len < at + u64::from(END_LEN) {
        return Err(Exit::no(format!("{}: the file ends too early", from.display())).next("fetch it again"));
    }
    splice(to, &mut old, (&head, at), &emit_end(total))
}

fn broken(path: &Path, error: update_pack::Error) -> Exit {
    Exit::no(format!("{}: {error}", path.display())).next("fetch it again; nothing was changed")
}
