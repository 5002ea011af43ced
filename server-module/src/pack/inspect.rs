//! `pack inspect` and `pack verify`: what a package holds, and whether to believe it.

use std::fs::File;
use std::io::{self, Read as _};
use std::num::NonZeroU8;
use std::path::Path;

use serde_json::{Value, json};
use update_pack::Limits;
use update_pack::campaign::compare;
use update_pack::engine::{Plan, Summary};
use update_pack::trust::{Group, PublicKey, Rotation, Trust};
use update_pack::verify::{Device, Envelope, Reader};
use update_pack::wire::{Leg, Manifest, Opening, Owned, Severity, StreamKind, Terms, When};

use super::commands::refused;
use super::files::open;
use super::keys;
use super::shown::Bytes;
use crate::cli::{Done, Exit};
use crate::view::{Cell, Paint, Table, Tone, say};

/// `pack inspect`
pub(super) fn inspect(args: &super::Inspect) -> Done {
    let mut file = open(&args.file)?;
    let mut start = Vec::new();
    let read = (&mut file).take(1 << 20).read_to_end(&mut start);
    read.map_err(|error| Exit::cannot(format!("{}: {error}", args.file.display())))?;
    let broken = |error: update_pack::Error| refused(&args.file, error);
    if keys::is_keyset(&start) {
        let set = keys::keyset(&args.file)?;
        println!("{}: set of keys {}", args.file.display(), set.version());
        keys::show_keys(&set);
        return Ok(());
    }
    // Only to show it: whoever has signed is believed here, and said to be.
    let (opening, _) = Opening::parse(&start).map_err(broken)?;
    let signers = opening.signatures().iter().filter_map(|signature| PublicKey::new(signature.key));
    let group =
        Group::new(signers, NonZeroU8::MIN).ok_or_else(|| Exit::no("no signature is by a sound key"))?;
    let trust = Trust::only(opening.header().role, group);
    let envelope = read_through(&args.file, &file, trust)?;
    let manifests = manifests(&args.file, &file, &envelope)?;
    if args.json {
        say(format_args!("{}\n", value(&envelope, &manifests, &args.file)));
    } else {
        say(page(&envelope, &manifests, args, Paint::stdout()));
    }
    Ok(())
}

/// `pack verify`
pub(super) fn verify(args: &super::Verify) -> Done {
    let file = open(&args.file)?;
    let envelope = read_through(&args.file, &file, keys::trust(&args.trust, args.threshold)?)?;
    if args.json {
        let manifests = manifests(&args.file, &file, &envelope)?;
        say(format_args!("{}\n", value(&envelope, &manifests, &args.file)));
        return Ok(());
    }
    let paint = Paint::stdout();
    say(format_args!(
        "{}: {}, {}\n",
        args.file.display(),
        paint.tone(Tone::Good, "sound"),
        journey(&envelope)
    ));
    for signer in &envelope.signers {
        say(format_args!("  signed as {} by {signer}\n", envelope.role));
    }
    Ok(())
}

/// Reads and checks a whole package.
fn read_through(path: &Path, file: &File, trust: Trust) -> Result<Envelope, Exit> {
    let mut reader = Reader::new(Limits::default(), trust);
    while let Some(need) = reader.need() {
        let bytes = piece(path, file, need.offset, need.len)?;
        reader.feed(&bytes).map_err(|error| refused(path, error))?;
    }
    reader.finish().ok_or_else(|| Exit::no(format!("{}: the file ends too early", path.display())))
}

fn manifests(path: &Path, file: &File, envelope: &Envelope) -> Result<Vec<Manifest>, Exit> {
    let manifest = |leg: usize| {
        let Some(need) = envelope.manifest_at(leg) else { return Ok(Manifest::default()) };
        let bytes = piece(path, file, need.offset, need.len)?;
        envelope.manifest_of(leg, &bytes).map_err(|error| refused(path, error))
    };
    (0..envelope.root.legs.len()).map(manifest).collect()
}

fn piece(path: &Path, file: &File, offset: u64, len: u32) -> Result<Vec<u8>, Exit> {
    super::directory::read(file, offset, len)
        .map_err(|errno| Exit::cannot(format!("{}: {}", path.display(), io::Error::from(errno))))
}

/// From which versions to which.
fn journey(envelope: &Envelope) -> String {
    let mut from: Vec<&str> = envelope.root.legs.iter().map(|leg| leg.from.as_str()).collect();
    // In their order, nothing at the end.
    from.sort_unstable_by(|a, b| a.is_empty().cmp(&b.is_empty()).then_with(|| compare(a, b)));
    from.dedup();
    let from: Vec<&str> = from.into_iter().map(named).collect();
    let from = from.split_last().map_or(String::new(), |(last, rest)| match rest {
        [] => (*last).to_owned(),
        rest => format!("{} or {last}", rest.join(", ")),
    });
    format!("{from} to {}", envelope.root.to_version)
}

fn named(version: &str) -> &str {
    if version.is_empty() { "nothing" } else { version }
}

/// Everything on one page.
fn page(envelope: &Envelope, manifests: &[Manifest], args: &super::Inspect, paint: Paint) -> String {
    let root = &envelope.root;
    let mut out = format!(
        "{}  {}\n\n",
        paint.tone(Tone::Strong, args.file.display()),
        paint.tone(Tone::Quiet, Bytes(envelope.total))
    );
    let mut line = |name: &str, value: String| {
        out.push_str(&format!("  {}  {value}\n", paint.tone(Tone::Notice, format_args!("{name:<9}"))));
    };
    line("package", envelope.id.to_string());
    line("versions", journey(envelope));
    line("scope", root.scope.to_string());
    let severity = if root.severity >= Severity::HIGH { Tone::Warning } else { Tone::Plain };
    line("severity", paint.tone(severity, root.severity));
    line("epoch", format!("{}; once installed, nothing of a lower one is", root.epoch));
    if root.downgrade {
        line("downgrade", paint.tone(Tone::Warning, "it may lead to a lower version, and says so"));
    }
    for (index, signer) in envelope.signers.iter().enumerate() {
        line(if index == 0 { "signed" } else { "" }, format!("{signer}  as {}", envelope.role));
    }
    line("", paint.tone(Tone::Quiet, "valid; whether you trust them, `pack verify --trust` says"));
    for record in Rotation::parse_all(&envelope.rotations).unwrap_or_default() {
        line("rotation", format!("to set of keys {}, signed as {}", record.keys().version(), record.role()));
    }
    match (&envelope.text, root.text) {
        (Some(text), _) => text.lines().enumerate().for_each(|(index, text)| {
            line(if index == 0 { "text" } else { "" }, text.to_owned());
        }),
        (None, Some(_)) => line("text", paint.tone(Tone::Quiet, "was cut out")),
        (None, None) => {}
    }
    out.push('\n');
    legs(envelope, manifests).render(paint).lines().for_each(|line| out.push_str(&format!("  {line}\n")));
    let device =
        Device { profile: args.profile.clone(), version: args.from_version.clone(), ..Device::default() };
    let route = device.route(root);
    if let Some(version) = &args.from_version {
        let way = match &route {
            Some(route) => {
                let legs: Vec<String> = route.legs.iter().map(ToString::to_string).collect();
                let legs =
                    if legs.is_empty() { String::new() } else { format!("leg {}: ", legs.join(", then ")) };
                paint.tone(Tone::Good, format_args!("{legs}{route}"))
            }
            None => paint.tone(Tone::Bad, "no leg starts from it for that profile"),
        };
        out.push_str(&format!(
            "\n  {}  {way}\n",
            paint.tone(Tone::Notice, format_args!("from {}", named(version)))
        ));
    }
    let taken = route.as_ref().and_then(|route| route.legs.first().copied());
    let shown = args.leg.or(taken).or((manifests.len() == 1).then_some(0));
    match shown.and_then(|leg| Some((leg, manifests.get(leg)?))) {
        Some((_, manifest)) => {
            out.push_str(&terms(manifest.terms(), paint));
            out.push('\n');
            for change in Plan::new(manifest.clone()).explain() {
                let text = change.to_string();
                let tone = match text.as_bytes().first() {
                    Some(b'+') => Tone::Good,
                    Some(b'-') => Tone::Bad,
                    _ => Tone::Warning,
                };
                out.push_str(&format!("  {}\n", paint.tone(tone, text)));
            }
        }
        None => {
            let hint = format!(
                "--leg N shows what changes on one of them, 0 to {}",
                manifests.len().saturating_sub(1)
            );
            out.push_str(&format!("\n  {}\n", paint.tone(Tone::Quiet, hint)));
        }
    }
    out
}

/// A line a leg.
fn legs(envelope: &Envelope, manifests: &[Manifest]) -> Table {
    let mut table = Table::new([
        "LEG", "PROFILE", "FROM", "TO", "HOW", "READS", "UNDO", "ADDED", "CHANGED", "REMOVED", "SAME",
    ]);
    for (index, (leg, manifest)) in envelope.root.legs.iter().zip(manifests).enumerate() {
        let Summary { added, changed, removed, unchanged, .. } = Plan::new(manifest.clone()).summary();
        let stream = envelope.root.stream(leg);
        let reads = stream.map_or(0, |stream| stream.len - stream.back) + u64::from(leg.manifest.len);
        let back =
            stream.filter(|stream| stream.kind == StreamKind::DELTA_BOTH).map(|stream| Bytes(stream.back));
        table.row([
            Cell::new(index).tone(Tone::Strong),
            Cell::new(if leg.profile.is_empty() { "every" } else { &leg.profile }),
            Cell::new(named(&leg.from)),
            Cell::new(&leg.to),
            Cell::new(how(envelope, leg)),
            Cell::new(Bytes(reads)),
            Cell::maybe(back),
            Cell::new(added).tone(if added > 0 { Tone::Good } else { Tone::Quiet }),
            Cell::new(changed).tone(if changed > 0 { Tone::Warning } else { Tone::Quiet }),
            Cell::new(removed).tone(if removed > 0 { Tone::Bad } else { Tone::Quiet }),
            Cell::new(unchanged).tone(Tone::Quiet),
        ]);
    }
    table
}

fn how(envelope: &Envelope, leg: &Leg) -> String {
    let Some(stream) = envelope.root.stream(leg) else { return "names".into() };
    let what = if stream.kind == StreamKind::FRAMES { "whole" } else { "delta" };
    format!("{what}{}", if stream.sealed { ", encrypted" } else { "" })
}

/// What else is agreed.
fn terms(terms: &Terms, paint: Paint) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: String| {
        out.push_str(&format!("  {}  {value}\n", paint.tone(Tone::Notice, format_args!("{name:<9}"))));
    };
    for (path, owned) in &terms.owned {
        match owned {
            Owned::Data => line("data", format!("{path}/ is the device's own")),
            Owned::Config => line("config", format!("{path}: the device's changes are merged")),
        }
    }
    for format in &terms.formats {
        let strands = if format.strands() {
            paint.tone(Tone::Warning, ", which the old version cannot read")
        } else {
            String::new()
        };
        let after = format
            .after
            .map_or("is not kept".into(), |after| format!("is written in format {}", after.writes));
        line("format", format!("{} {after}{strands}", format.component));
    }
    for step in &terms.steps {
        let when = if step.when == When::Before { "before" } else { "after" };
        let back = if step.reversible { "can be reverted" } else { "data are copied first" };
        let (name, arguments) = (&step.name, &step.arguments);
        line(
            "step",
            format!(
                "{when} the switch: {name} {arguments} ({back}; tried {} for {} s)",
                times(step.attempts),
                step.seconds
            ),
        );
    }
    if let Some(guard) = terms.guard {
        line(
            "guard",
            format!(
                "well within {} s, tried {}; else the old version returns",
                guard.seconds,
                times(guard.attempts)
            ),
        );
    }
    if terms.replaces_itself {
        line("itself", "the program that applies it is replaced".into());
    }
    if out.is_empty() { out } else { format!("\n{out}") }
}

/// How often.
fn times(count: NonZeroU8) -> String {
    if count == NonZeroU8::MIN { "once".into() } else { format!("{count} times") }
}

/// The same for programs.
fn value(envelope: &Envelope, manifests: &[Manifest], path: &Path) -> Value {
    let root = &envelope.root;
    let summaries: Vec<Summary> =
        manifests.iter().map(|manifest| Plan::new(manifest.clone()).summary()).collect();
    let legs: Vec<Value> = root
        .legs
        .iter()
        .zip(manifests.iter().zip(&summaries))
        .map(|(leg, (manifest, summary))| {
            let stream = root.stream(leg);
            let terms = manifest.terms();
            json!({
                "profile": leg.profile, "from": leg.from, "to": leg.to,
                "how": how(envelope, leg),
                "stored": stream.map_or(0, |stream| stream.len),
                "undo": stream.map_or(0, |stream| stream.back),
                "manifest": leg.manifest.len,
                "added": summary.added, "changed": summary.changed,
                "removed": summary.removed, "unchanged": summary.unchanged,
                "content_bytes": summary.bytes,
                "owned": terms.owned.iter().map(|(path, _)| path.to_string()).collect::<Vec<_>>(),
                "steps": terms.steps.iter().map(|step| step.name.clone()).collect::<Vec<_>>(),
                "strands": terms.strands().map(|format| format.component.clone()),
                "guard": terms.guard.map(|guard| json!({"seconds": guard.seconds, "attempts": guard.attempts})),
                "replaces_itself": terms.replaces_itself,
            })
        })
        .collect();
    let first = summaries.first().copied().unwrap_or_default();
    json!({
        "file": path.display().to_string(),
        "bytes": envelope.total,
        "package": envelope.id.to_string(),
        "from": envelope.from_version(),
        "to": root.to_version,
        "scope": root.scope.to_string(),
        "severity": root.severity.to_string(),
        "epoch": root.epoch,
        "downgrade": root.downgrade,
        "role": envelope.role.to_string(),
        "signers": envelope.signers.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "text": envelope.text,
        "legs": legs,
        "added": first.added,
        "changed": first.changed,
        "removed": first.removed,
        "unchanged": first.unchanged,
        "content_bytes": first.bytes,
    })
}
