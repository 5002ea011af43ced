//! Where files are made: at once what can be, ahead of time what a command makes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use bootcfg::card::Manifest;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use tokio::sync::watch;

use super::command::{self, CommandError};
use super::facts::Facts;
use super::plugins::{PluginError, Plugins, Source};
use crate::cabinet::Position;
use crate::config::Generator;

/// Commands that run side by side.
const HANDS: usize = 4;

/// Why a file is not there.
#[derive(Debug, thiserror::Error)]
pub enum Unmade {
    /// There is no such file.
    #[error("there is no such file")]
    Unknown,
    /// Its command has not run yet.
    #[error("it is being made")]
    NotYet,
    /// Its template failed.
    #[error(transparent)]
    Template(#[from] PluginError),
    /// Its command failed, and never succeeded before.
    #[error("its command failed")]
    Failed,
}

/// The plug-ins in force and what commands have made so far. Clones are the same workshop.
#[derive(Clone, Debug)]
pub struct Workshop {
    plugins: watch::Sender<Arc<Plugins>>,
    made: Arc<Mutex<BTreeMap<(Position, String), Made>>>,
}

/// What a command made of a card.
#[derive(Clone, Debug)]
struct Made {
    /// The digest of the facts that the command last saw.
    of: [u8; 32],
    /// The latest text that came of it.
    text: Option<Bytes>,
    /// Whether it failed on these facts.
    failed: bool,
}

impl Workshop {
    /// A workshop with these plug-ins.
    pub fn new(plugins: Plugins) -> Self {
        Self { plugins: watch::Sender::new(Arc::new(plugins)), made: Arc::default() }
    }

    /// Puts other plug-ins in force.
    pub fn replace(&self, plugins: Plugins) {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.plugins.send_replace(Arc::new(plugins));
    }

    /// The text of a card's file, or its manifest.
    ///
    /// # Errors
    /// [`Unmade`] says why there is none.
    pub fn text(&self, name: &str, facts: &Facts) -> Result<Bytes, Unmade> {
        let plugins = Arc::clone(&self.plugins.borrow());
        if name.eq_ignore_ascii_case(super::MANIFEST) {
            let mut manifest = Manifest::default();
            for (file, source) in plugins.files() {
                let text = self.made(&plugins, file, source, facts)?;
                manifest.add_file(file, &text).map_err(|_| Unmade::Unknown)?;
            }
            return Ok(manifest.to_string().into());
        }
        let (file, source) = plugins.file(name).ok_or(Unmade::Unknown)?;
        self.made(&plugins, file, source, facts)
    }

    fn made(&self, plugins: &Plugins, file: &str, source: &Source, facts: &Facts) -> Result<Bytes, Unmade> {
        match source {
            Source::BuiltIn(file) => Ok(facts.built_in(*file).into()),
            Source::Template(path) => Ok(plugins.template(file, path, facts)?.into()),
            Source::Command(_) => {
                let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
                match made.get(&(facts.position(), file.to_owned())) {
                    Some(made) if made.of == facts.json().1 => made.text.clone().ok_or(Unmade::Failed),
                    _ => Err(Unmade::NotYet),
                }
            }
        }
    }

    /// Runs the commands whose cards' facts have changed, and those that failed; gives who failed and why.
    pub async fn work(&self, cards: &[Facts]) -> Vec<(Position, String, CommandError)> {
        let plugins = Arc::clone(&self.plugins.borrow());
        let mut jobs = Vec::new();
        for facts in cards {
            let (json, digest) = facts.json();
            let json = Bytes::from(json);
            let jobs_of_card = plugins.commands().filter(|generator| self.wants(generator, facts, digest));
            jobs.extend(
                jobs_of_card.map(|generator| (facts.position(), generator.clone(), json.clone(), digest)),
            );
        }
        let ran = stream::iter(jobs).map(|(card, generator, json, digest)| async move {
            (card, generator.file.clone(), digest, command::run(&generator, &json).await)
        });
        let mut ran = ran.buffer_unordered(HANDS);
        let mut failures = Vec::new();
        while let Some((card, file, of, outcome)) = ran.next().await {
            // Other plug-ins are in force now: what these made is nobody's.
            if !Arc::ptr_eq(&plugins, &self.plugins.borrow()) {
                break;
            }
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            let before = made.remove(&(card, file.clone()));
            let (text, failed) = match outcome {
                Ok(text) => (Some(text.into()), false),
                Err(error) => {
                    failures.push((card, file.clone(), error));
                    // What a card had before is better than nothing.
                    (before.and_then(|before| before.text), true)
                }
            };
            made.insert((card, file), Made { of, text, failed });
        }
        failures
    }

    fn wants(&self, generator: &Generator, facts: &Facts, digest: [u8; 32]) -> bool {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.get(&(facts.position(), generator.file.clone()))
            .is_none_or(|made| made.of != digest || made.failed)
    }

    /// Forgets what was made for cards that are no more.
    pub fn forget_all_but(&self, cards: &[Facts]) {
        let present: BTreeSet<_> = cards.iter().map(Facts::position).collect();
        self.made
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|(card, _), _| present.contains(card));
    }

    /// The plug-ins in force, now and later.
    pub fn plugins(&self) -> watch::Receiver<Arc<Plugins>> {
        self.plugins.subscribe()
    }
}
