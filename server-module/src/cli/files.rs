//! `server-module files`: what cards would read, before any card does.

use super::{Done, Exit};
use crate::cabinet::Position;
use crate::config::Config;
use crate::files::{Facts, MANIFEST, Plugins, Source, Workshop};
use crate::view::{self, Cell, Paint, Table, Tone};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Arguments of `files`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Communities and password hashes are shown as ********: only a card gets them.\n\n\
    Examples:\n  \
    server-module files --config module.toml                         # every card\n  \
    server-module files --config module.toml 2.1                     # the files of a card\n  \
    server-module files --config module.toml 2.1 Hosts               # one file\n  \
    server-module files --config new.toml --diff old.toml            # what would change, card by card\n\n\
    Exit status: 0 done, 1 --diff found a difference, 2 the configuration is wrong, 3 a file cannot be made.")]
pub struct Args {
    /// The configuration file
    #[arg(long, short, value_name = "FILE")]
    config: PathBuf,
    /// Show what differs from the files of this other configuration
    #[arg(long, value_name = "OLD")]
    diff: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// A card, by its position
    card: Option<Position>,
    /// A file of the card, or manifest
    #[arg(requires = "card")]
    file: Option<String>,
}

/// A card's files as they would be read.
#[derive(Debug, Serialize)]
struct Tree {
    card: Position,
    files: Vec<Made>,
    manifest: String,
}

#[derive(Debug, Serialize)]
struct Made {
    name: String,
    size: usize,
    sha256: String,
    made_by: String,
    #[serde(skip)]
    text: String,
}

/// Carries the command out.
pub(super) fn run(args: &Args) -> Done {
    let trees = trees(&args.config, args.card)?;
    match (&args.diff, &args.file) {
        (Some(old), file) => diff(args, &self::trees(old, args.card)?, &trees, file.as_deref()),
        (None, Some(file)) => show(&trees, file, args.json),
        (None, None) => {
            if args.json {
                view::json(&trees);
            } else {
                let paint = Paint::stdout();
                view::say(if args.card.is_some() { files(&trees, paint) } else { cards(&trees, paint) });
            }
            Ok(())
        }
    }
}

/// The files of one card of a configuration, or of all.
fn trees(config: &Path, card: Option<Position>) -> Result<Vec<Tree>, Exit> {
    let config = super::check::load(config)?;
    let plugins = Plugins::of(&config).map_err(Exit::usage)?;
    let facts = Facts::of_all(&config);
    let facts: Vec<_> = facts.into_iter().filter(|f| card.is_none_or(|card| f.position() == card)).collect();
    if let (Some(card), true) = (card, facts.is_empty()) {
        let next = "server-module check --config FILE lists the cards";
        return Err(Exit::no(format_args!("the configuration has no card {card}")).next(next));
    }
    let facts: Vec<_> = facts.into_iter().map(Facts::masked).collect();
    let workshop = Workshop::new(plugins);
    let failures = crate::module::runtime()?.block_on(workshop.work(&facts));
    if let Some((card, file, error)) = failures.first() {
        let next = generator(&config, file)
            .map(|command| format!("server-module check; then run {command} by hand"));
        let exit = Exit::cannot(format_args!("the file {file} of card {card} cannot be made: {error}"));
        return Err(next.into_iter().fold(exit, Exit::next));
    }
    facts.iter().map(|facts| tree(&workshop, facts)).collect()
}

fn generator(config: &Config, file: &str) -> Option<String> {
    let generator = config.files.generators.iter().find(|g| g.file.eq_ignore_ascii_case(file))?;
    Some(generator.program.display().to_string())
}

fn tree(workshop: &Workshop, facts: &Facts) -> Result<Tree, Exit> {
    let read = |name: &str| workshop.text(name, facts).map(|made| text(&made)).map_err(Exit::cannot);
    let plugins = workshop.plugins();
    let plugins = plugins.borrow();
    let files = plugins.files().map(|(name, source)| {
        let text = read(name)?;
        Ok(Made {
            name: name.into(),
            size: text.len(),
            sha256: Sha256::digest(&text).iter().map(|octet| format!("{octet:02x}")).collect(),
            made_by: match source {
                Source::BuiltIn(_) => "built in".into(),
                Source::Template(path) => path.display().to_string(),
                Source::Command(generator) => generator.program.display().to_string(),
            },
            text,
        })
    });
    Ok(Tree { card: facts.position(), files: files.collect::<Result<_, Exit>>()?, manifest: read(MANIFEST)? })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn cards(trees: &[Tree], paint: Paint) -> String {
    let mut table = Table::new(["CARD", "FILES", "OCTETS", "MANIFEST"]);
    for tree in trees {
        let digest = Sha256::digest(&tree.manifest);
        table.row([
            Cell::new(tree.card).tone(Tone::Strong),
            Cell::new(tree.files.len()),
            Cell::new(tree.files.iter().map(|file| file.size).sum::<usize>()),
            Cell::new(digest.iter().take(8).fold(String::new(), |mut text, octet| {
                // Writing to a String cannot fail.
                let _ = write!(text, "{octet:02x}");
                text
            })),
        ]);
    }
    table.render(paint)
}

fn files(trees: &[Tree], paint: Paint) -> String {
    let mut table = Table::new(["FILE", "OCTETS", "SHA-256", "MADE BY"]);
    for file in trees.iter().flat_map(|tree| &tree.files) {
        table.row([
            Cell::new(&file.name).tone(Tone::Strong),
            Cell::new(file.size),
            Cell::new(file.sha256.get(..16).unwrap_or_default()),
            Cell::new(&file.made_by).tone(Tone::Quiet),
        ]);
    }
    table.render(paint)
}

fn show(trees: &[Tree], name: &str, json: bool) -> Done {
    let texts = trees.iter().flat_map(Tree::texts);
    let Some((name, text)) = texts.into_iter().find(|(file, _)| file.eq_ignore_ascii_case(name)) else {
        let names: Vec<_> = trees.iter().flat_map(Tree::texts).map(|(name, _)| name).collect();
        return Err(Exit::no(format_args!("a card has no file {name}"))
            .next(format_args!("its files are {}", names.join(", "))));
    };
    if json {
        view::json(&serde_json::json!({ "name": name, "text": text }));
    } else {
        view::say(text);
    }
    Ok(())
}

impl Tree {
    /// Every file and the manifest: name, text.
    fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        let manifest = std::iter::once((MANIFEST, self.manifest.as_str()));
        self.files.iter().map(|file| (file.name.as_str(), file.text.as_str())).chain(manifest)
    }
}

/// Unified diffs of the files that differ; the manifest follows from the others and is left out unless asked for.
fn diff(args: &Args, old: &[Tree], new: &[Tree], only: Option<&str>) -> Done {
    let collect = |trees: &[Tree]| {
        let texts = trees
            .iter()
            .flat_map(|tree| tree.texts().map(|(n, t)| ((tree.card, n.to_owned()), t.to_owned())));
        let wanted = |name: &str| only.map_or(name != MANIFEST, |only| only.eq_ignore_ascii_case(name));
        texts.filter(|((_, name), _)| wanted(name)).collect::<BTreeMap<_, _>>()
    };
    let (old, new) = (collect(old), collect(new));
    let keys: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let mut differences = Vec::new();
    for key in keys {
        let text = |texts: &BTreeMap<_, String>| texts.get(key).cloned().unwrap_or_default();
        let (before, after) = (text(&old), text(&new));
        if before != after || old.contains_key(key) != new.contains_key(key) {
            let path = format!("iboot/{}/{}", key.0, key.1);
            let unified = similar::TextDiff::from_lines(&before, &after)
                .unified_diff()
                .header(&format!("a/{path}"), &format!("b/{path}"))
                .to_string();
            differences.push((key.0, key.1.clone(), unified));
        }
    }
    if args.json {
        let rows = differences
            .iter()
            .map(|(card, file, diff)| serde_json::json!({ "card": card, "file": file, "diff": diff }));
        view::json(&rows.collect::<Vec<_>>());
    } else {
        let paint = Paint::stdout();
        for line in differences.iter().flat_map(|(_, _, diff)| diff.lines()) {
            let tone = match line.as_bytes() {
                [b'-', b'-', b'-', ..] | [b'+', b'+', b'+', ..] => Tone::Strong,
                [b'-', ..] => Tone::Bad,
                [b'+', ..] => Tone::Good,
                [b'@', ..] => Tone::Notice,
                _ => Tone::Plain,
            };
            view::say(format_args!("{}\n", paint.tone(tone, line)));
        }
    }
    // What differs was printed; the status says that something does.
    if differences.is_empty() { Ok(()) } else { Err(Exit::no("")) }
}
