//! Where notifications go, and which (RFC 3413 §3.3 and §6).

use alloc::{string::String, vec::Vec};
use core::net::SocketAddr;

use crate::usm::{Level, Security};
use crate::vacm::{Judgement, Model, Policy, View};
use crate::wire::{Oid, VarBind, Version};

/// Where notifications go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The manager.
    pub to: SocketAddr,
    /// How it is spoken to. Notifications with a Counter64 do not go out in v1.
    pub security: Security,
    /// Whether the manager must acknowledge each; not with v1.
    pub inform: bool,
    /// The filter that a notification must pass; empty for none.
    pub profile: String,
    /// Whom the community stands for where the sender judges by views; of a user it is the user's name.
    pub security_name: String,
}

impl Target {
    /// A manager that takes traps of v1.
    pub fn v1(to: SocketAddr, community: &str) -> Self {
        Self::new(to, Security::Community { version: Version::V1, community: community.into() })
    }

    /// A manager that takes traps of v2c.
    pub fn v2c(to: SocketAddr, community: &str) -> Self {
        Self::new(to, Security::Community { version: Version::V2c, community: community.into() })
    }

    /// A manager that takes traps of v3 of that user, whose credentials `Sender::secure` was given.
    pub fn v3(to: SocketAddr, user: &str) -> Self {
        Self::new(to, Security::User { name: user.into(), context: Vec::new() })
    }

    fn new(to: SocketAddr, security: Security) -> Self {
        let security_name = match &security {
            Security::Community { .. } => "reader".into(),
            Security::User { name, .. } => String::from_utf8_lossy(name).into_owned(),
        };
        Self { to, security, inform: false, profile: String::new(), security_name }
    }

    /// The same manager, which must acknowledge each notification.
    #[must_use]
    pub fn informed(self) -> Self {
        Self { inform: true, ..self }
    }

    /// The same manager, told only what the filter of that name lets pass.
    #[must_use]
    pub fn filtered(self, profile: &str) -> Self {
        Self { profile: profile.into(), ..self }
    }

    /// By which model the manager is spoken to.
    pub(super) const fn model(&self) -> Model {
        match &self.security {
            Security::Community { version: Version::V1, .. } => Model::V1,
            Security::Community { .. } => Model::V2C,
            Security::User { .. } => Model::USM,
        }
    }

    /// Tells whether the manager may be told (RFC 3413 §3.3 step 3): the notification and everything it tells must
    /// be in its view.
    pub(super) fn admitted(
        &self,
        policy: &Policy,
        level: Level,
        name: Oid<'_>,
        objects: &[VarBind<'_>],
    ) -> bool {
        let context: &[u8] = match &self.security {
            Security::User { context, .. } => context,
            Security::Community { .. } => &[],
        };
        let grant = policy.grant(self.model(), self.security_name.as_bytes(), level, context);
        let view = grant.ok().and_then(|grant| policy.view(grant.notify));
        view.is_some_and(|view| {
            view.contains(name) && objects.iter().all(|object| view.contains(object.name))
        })
    }
}

/// Tells whether a filter lets a notification pass (RFC 3413 §6): its name must be in, and nothing that it tells may
/// be out.
pub(super) fn passes(filter: &View, name: Oid<'_>, objects: &[VarBind<'_>]) -> bool {
    filter.judge(name) == Judgement::Included
        && objects.iter().all(|object| filter.judge(object.name) != Judgement::Excluded)
}
