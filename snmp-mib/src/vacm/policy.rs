//! From who asks to what they may: isAccessAllowed without its last step, which is the view's (RFC 3415 §3.2).

use alloc::{string::String, vec::Vec};

use super::tables::{Access, Context, ContextMatch, Family, Member, Model, Tables};
use super::view::View;
use crate::mib::{Mib, Node};
use crate::usm::Level;

/// What a policy is made of. Rows that clash replace one another, the later one stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The contexts beside the default one.
    pub contexts: Vec<String>,
    /// Who belongs to which group.
    pub members: Vec<Member>,
    /// Which views a group has.
    pub access: Vec<Access>,
    /// What the views hold.
    pub families: Vec<Family>,
}

/// Who may see, write and be told what.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    tables: Tables,
    views: Vec<(String, View)>,
}

/// One of a policy's views.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewId(usize);

/// The views that somebody has; `None` is noSuchView.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// What may be read.
    pub read: Option<ViewId>,
    /// What may be written.
    pub write: Option<ViewId>,
    /// What may be told.
    pub notify: Option<ViewId>,
}

/// Why somebody has no views.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Denied {
    /// noSuchContext.
    #[error("no such context")]
    NoSuchContext,
    /// noGroupName.
    #[error("a member of no group")]
    NoGroupName,
    /// noAccessEntry.
    #[error("the group may do nothing in that context at that level")]
    NoAccessEntry,
}

/// What managers read of it; nothing can be written.
impl Mib for Policy {
    fn len(&self) -> usize {
        self.tables.len()
    }

    fn node(&self, position: usize) -> Option<&dyn Node> {
        self.tables.node(position)
    }

    fn node_mut(&mut self, position: usize) -> Option<&mut dyn Node> {
        self.tables.node_mut(position)
    }
}

impl Policy {
    /// The policy of `config`.
    pub fn new(config: Config) -> Self {
        let mut tables = Tables::default();
        tables
            .contexts
            .extend(config.contexts.into_iter().chain([String::new()]).map(|name| Context { name }));
        tables.members.extend(config.members);
        tables.access.extend(config.access);
        tables.families.extend(config.families);
        let mut views: Vec<(String, View)> = Vec::new();
        for family in tables.families.iter() {
            if !views.iter().any(|(name, _)| *name == family.view) {
                let own = tables.families.iter().filter(|other| other.view == family.view);
                views.push((family.view.clone(), View::new(own)));
            }
        }
        Self { tables, views }
    }

    /// What managers read of it.
    pub const fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Tells whether there is a context of that name.
    pub fn has_context(&self, name: &[u8]) -> bool {
        name.is_empty() || self.tables.contexts.iter().any(|context| context.name.as_bytes() == name)
    }

    /// The contexts beside the default one.
    pub fn contexts(&self) -> Vec<String> {
        let named = self.tables.contexts.iter().filter(|context| !context.name.is_empty());
        named.map(|context| context.name.clone()).collect()
    }

    /// Makes `names` the contexts beside the default one.
    pub fn set_contexts(&mut self, names: impl IntoIterator<Item = String>) {
        self.tables.contexts.replace(names.into_iter().chain([String::new()]).map(|name| Context { name }));
    }

    /// The views of one who comes by `model` under `name`, with a message of that level, to that context.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn grant(&self, model: Model, name: &[u8], level: Level, context: &[u8]) -> Result<Grant, Denied> {
        if !self.has_context(context) {
            return Err(Denied::NoSuchContext);
        }
        let belongs = |member: &&Member| member.model == model && member.name.as_bytes() == name;
        let member = self.tables.members.iter().find(belongs).ok_or(Denied::NoGroupName)?;
        let applies = |access: &&Access| {
            access.group == member.group
                && access.level <= level
                && (access.model == model || access.model == Model::ANY)
                && match access.context_match {
                    ContextMatch::Exact => access.prefix.as_bytes() == context,
                    ContextMatch::Prefix => context.starts_with(access.prefix.as_bytes()),
                }
        };
        // The order of preference is that of vacmAccessTable's DESCRIPTION.
        let preference = |access: &&Access| {
            let exact = access.prefix.as_bytes() == context;
            (access.model != Model::ANY, exact, access.prefix.len(), access.level)
        };
        let found = self.tables.access.iter().filter(applies).max_by_key(preference);
        let access = found.ok_or(Denied::NoAccessEntry)?;
        let id = |view: &str| self.views.iter().position(|(name, _)| name == view).map(ViewId);
        Ok(Grant { read: id(&access.read), write: id(&access.write), notify: id(&access.notify) })
    }

    /// A view that was granted.
    #[inline]
    pub fn view(&self, id: Option<ViewId>) -> Option<&View> {
        self.views.get(id?.0).map(|(_, view)| view)
    }
}
