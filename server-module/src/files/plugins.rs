//! What makes which file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bootcfg::card;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};

use super::facts::Facts;
use crate::config::{self, Config, Generator};

/// The plug-ins of a configuration: each file has one.
#[derive(Debug)]
pub struct Plugins {
    environment: Environment<'static>,
    /// The eight in the patent's order, then the others by name.
    files: Vec<(String, Source)>,
}

/// What makes a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The module itself.
    BuiltIn(card::File),
    /// A template of the operator's.
    Template(PathBuf),
    /// A command of the operator's.
    Command(Generator),
}

/// Why the plug-ins of a configuration are no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", place(path, *line))]
pub struct PluginError {
    /// The template or directory.
    pub path: PathBuf,
    /// The line in it, from 1.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl Plugins {
    /// The plug-ins of a configuration, each template tried on each of its cards.
    ///
    /// # Errors
    /// What [`Plugins::load`] has against them, or the first template that fails.
    pub fn of(config: &Config) -> Result<Self, PluginError> {
        let plugins = Self::load(&config.files)?;
        Facts::of_all(config).iter().try_for_each(|facts| plugins.prove(facts))?;
        Ok(plugins)
    }

    /// Reads the templates and notes the commands.
    ///
    /// # Errors
    /// A template that cannot be read or parsed, a name that cannot be a file's, a file with two makers.
    pub fn load(files: &config::Files) -> Result<Self, PluginError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_syntax(line_wise());
        let mut makers = BTreeMap::new();
        if let Some(directory) = &files.templates {
            for (name, path) in
                listed(directory).map_err(|error| PluginError::of(directory, error.to_string()))?
            {
                let text = std::fs::read_to_string(&path)
                    .map_err(|error| PluginError::of(&path, error.to_string()))?;
                let added = environment.add_template_owned(name.clone(), text);
                added.map_err(|error| PluginError::template(&path, &error))?;
                // A name that begins with `_` is there for others to include.
                if !name.starts_with('_') {
                    named(&name).map_err(|message| PluginError::of(&path, message))?;
                    makers.insert(canonical(&name), Source::Template(path));
                }
            }
        }
        for generator in &files.generators {
            let wrong = |message: &str| PluginError::of(&generator.program, message);
            named(&generator.file).map_err(wrong)?;
            let file = canonical(&generator.file);
            let twice = makers.insert(file.clone(), Source::Command(Generator { file, ..generator.clone() }));
            if twice.is_some() {
                return Err(wrong(&format!(
                    "{} has a template or another generator already",
                    generator.file
                )));
            }
        }
        let eight = card::File::ALL.map(|file| {
            let own = makers.remove(file.name());
            (file.name().to_owned(), own.unwrap_or(Source::BuiltIn(file)))
        });
        Ok(Self { environment, files: eight.into_iter().chain(makers).collect() })
    }

    /// The files and what makes each, in the order of the manifest.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.files.iter().map(|(name, source)| (name.as_str(), source))
    }

    /// A file by its name, which is found without regard to case.
    pub fn file(&self, name: &str) -> Option<(&str, &Source)> {
        self.files().find(|(file, _)| file.eq_ignore_ascii_case(name))
    }

    /// The commands.
    pub fn commands(&self) -> impl Iterator<Item = &Generator> {
        self.files.iter().filter_map(|(_, source)| match source {
            Source::Command(generator) => Some(generator),
            Source::BuiltIn(_) | Source::Template(_) => None,
        })
    }

    /// Makes the text of a template. It sees the facts by their names, and as `built_in` what the module itself
    /// would have written, where the file is one of the eight.
    ///
    /// # Errors
    /// What the template does that it cannot, with its line.
    pub fn template(&self, name: &str, path: &Path, facts: &Facts) -> Result<String, PluginError> {
        let built_in = card::File::by_name(name).map(|file| facts.built_in(file));
        let known = minijinja::Value::from(Serde(facts));
        let template = path.file_name().and_then(|name| name.to_str()).unwrap_or(name);
        self.environment
            .get_template(template)
            .and_then(|template| template.render(context! { built_in, ..known }))
            .map_err(|error| PluginError::template(path, &error))
    }

    /// Tries every template on a card.
    ///
    /// # Errors
    /// The first that fails.
    pub fn prove(&self, facts: &Facts) -> Result<(), PluginError> {
        self.files().try_for_each(|(name, source)| match source {
            Source::Template(path) => self.template(name, path, facts).map(drop),
            Source::BuiltIn(_) | Source::Command(_) => Ok(()),
        })
    }
}

impl PluginError {
    fn of(path: &Path, message: impl Into<String>) -> Self {
        Self { path: path.into(), line: None, message: message.into() }
    }

    fn template(path: &Path, error: &minijinja::Error) -> Self {
        // The error may have happened in a template that this one includes.
        let path = error.name().map_or_else(|| path.into(), |name| path.with_file_name(name));
        let kind = error.kind();
        let message = error.detail().map_or_else(|| kind.to_string(), |detail| format!("{kind}: {detail}"));
        Self { path, line: error.line(), message }
    }
}

fn place(path: &Path, line: Option<usize>) -> String {
    line.map_or_else(|| format!("{}: ", path.display()), |line| format!("{}:{line}: ", path.display()))
}

/// Configuration files are lines: a tag on a line of its own leaves no line behind, and the last line keeps its end.
fn line_wise() -> SyntaxConfig {
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    syntax.build().unwrap_or_default()
}

/// The regular files of a directory by name; hidden ones and editors' copies are none.
fn listed(directory: &Path) -> std::io::Result<BTreeMap<String, PathBuf>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if path.is_file() && !name.starts_with('.') && !name.ends_with('~') {
            files.insert(name.to_owned(), path);
        }
    }
    Ok(files)
}

/// One of the eight is called as the patent calls it, however the operator spells it.
fn canonical(name: &str) -> String {
    card::File::by_name(name).map_or_else(|| name.to_owned(), |file| file.name().to_owned())
}

/// Says why a name cannot be a file's.
fn named(name: &str) -> Result<(), &'static str> {
    match name {
        "" => Err("a file needs a name"),
        name if name.eq_ignore_ascii_case(super::MANIFEST) => {
            Err("the manifest is made by the module itself")
        }
        name if name.len() > 64
            || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) =>
        {
            Err("a file's name has 1 to 64 letters, digits, '-', '_' and '.'")
        }
        name if name.starts_with('.') => Err("a file's name does not begin with '.'"),
        _ => Ok(()),
    }
}
