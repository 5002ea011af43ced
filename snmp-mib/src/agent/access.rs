//! The policy that an agent judges by: the configured one, and groups for those whose rights are given in a word.

#[cfg(feature = "usm")]
use alloc::vec::Vec;
use alloc::{format, string::String};

use super::config::{Config, Rights};
use crate::oid;
use crate::usm::Level;
use crate::vacm::{self, Access, Family, Member, Model, Policy};
use crate::wire::Oid;

/// The view of everything but users, communities and views.
const COMMON: &str = "common";
/// The view of nothing. It is there, so that a write which it refuses is noAccess and not authorizationError.
const NOTHING: &str = "nothing";

/// Somebody whose rights are given in a word.
pub(super) struct Known {
    pub(super) models: &'static [Model],
    pub(super) name: String,
    /// The level from which it is believed.
    pub(super) level: Level,
    pub(super) rights: Rights,
}

/// The policy for `config` and the users `known`.
pub(super) fn policy(config: &Config, users: &[Known]) -> Policy {
    let mut access = config.access.clone();
    let communities = config.communities.iter().map(|community| Known {
        models: &[Model::V1, Model::V2C],
        name: community.stands_for().into(),
        level: Level::Open,
        rights: community.rights,
    });
    communities.for_each(|known| known.enter(&mut access));
    users.iter().for_each(|known| known.enter(&mut access));
    let secret = [oid!(1, 3, 6, 1, 6, 3, 15, 1, 2), oid!(1, 3, 6, 1, 6, 3, 16), oid!(1, 3, 6, 1, 6, 3, 18)];
    access.families.push(Family::included(COMMON, Oid::default()));
    access.families.extend(secret.map(|subtree| Family::excluded(COMMON, subtree)));
    access.families.push(Family::excluded(NOTHING, Oid::default()));
    Policy::new(access)
}

impl Known {
    /// Adds the group of these rights from this level up, and who belongs to it.
    fn enter(&self, config: &mut vacm::Config) {
        let (word, write) = match self.rights {
            Rights::Read => ("readers", NOTHING),
            Rights::Write => ("writers", COMMON),
            Rights::Views => return,
        };
        let group = match self.level {
            Level::Open => String::from(word),
            Level::Authenticated => format!("{word}-auth"),
            Level::Encrypted => format!("{word}-priv"),
        };
        let access = Access::new(&group, self.level).reading(COMMON).writing(write).notified(COMMON);
        config.members.extend(self.models.iter().map(|model| Member::new(*model, &self.name, &group)));
        config.access.push(access);
    }
}

/// Those users whose rights are given in a word.
#[cfg(feature = "usm")]
pub(super) fn known(users: &[(crate::usm::Credentials, Rights)]) -> Vec<Known> {
    let known = users.iter().map(|(user, rights)| Known {
        models: &[Model::USM],
        name: String::from_utf8_lossy(user.name()).into_owned(),
        level: user.level(),
        rights: *rights,
    });
    known.collect()
}
