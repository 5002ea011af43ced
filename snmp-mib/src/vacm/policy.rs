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
    views: Vec<View>,
    /// What the group of each member may do, in the order of the members: what a request looks at.
    rights: Vec<Vec<Right>>,
}

/// An access entry with its views found.
#[derive(Clone, Debug, PartialEq)]
struct Right {
    model: Model,
    level: Level,
    context_match: ContextMatch,
    prefix: String,
    grant: Grant,
}

impl Right {
    fn of(access: &Access, names: &[String]) -> Self {
        let id = |view: &str| names.iter().position(|name| name == view).map(ViewId);
        let grant = Grant { read: id(&access.read), write: id(&access.write), notify: id(&access.notify) };
        let &Access { model, level, context_match, .. } = access;
        Self { model, level, context_match, prefix: access.prefix.clone(), grant }
    }

    fn applies(&self, model: Model, level: Level, context: &[u8]) -> bool {
        self.level <= level
            && (self.model == model || self.model == Model::ANY)
            && match self.context_match {
                ContextMatch::Exact => self.is_exact(context),
                ContextMatch::Prefix => self.prefix.is_empty() || context.starts_with(self.prefix.as_bytes()),
            }
    }

    /// Whether the entry names the context itself. Two empty names are not given to memcmp: reading none of the octets
    /// at no address takes an assist of the processor, a hundred nanoseconds where its vectors are masked.
    fn is_exact(&self, context: &[u8]) -> bool {
        self.prefix.len() == context.len() && (context.is_empty() || self.prefix.as_bytes() == context)
    }
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
        let mut names: Vec<String> = Vec::new();
        let mut views = Vec::new();
        for family in tables.families.iter() {
            if !names.contains(&family.view) {
                let own = tables.families.iter().filter(|other| other.view == family.view);
                views.push(View::new(own));
                names.push(family.view.clone());
            }
        }
        let entries = |member: &Member| {
            let own = tables.access.iter().filter(|access| access.group == member.group);
            own.map(|access| Right::of(access, &names)).collect()
        };
        let rights = tables.members.iter().map(entries).collect();
        Self { rights, tables, views }
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
        let belongs = |member: &Member| member.model == model && member.name.as_bytes() == name;
        let at = self.tables.members.iter().position(belongs).ok_or(Denied::NoGroupName)?;
        // The order of preference is that of vacmAccessTable's DESCRIPTION.
        let preference = |right: &&Right| {
            (right.model != Model::ANY, right.is_exact(context), right.prefix.len(), right.level)
        };
        let own = self.rights.get(at).into_iter().flatten();
        let applying = own.filter(|right| right.applies(model, level, context));
        applying.max_by_key(preference).map(|right| right.grant).ok_or(Denied::NoAccessEntry)
    }

    /// A view that was granted.
    #[inline]
    pub fn view(&self, id: Option<ViewId>) -> Option<&View> {
        self.views.get(id?.0)
    }
}
