//! Users: what an operator configures, and what holds for one engine.

use super::crypto::Crypto;
use super::key::{Key, ShortPassword};
use super::protocol::{Auth, Level, Privacy};
use alloc::boxed::Box;

/// A user's name and keys, good for any engine. Made when the configuration is read: a password is never
/// stretched because a message came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    name: Box<[u8]>,
    auth: Option<(Auth, Key)>,
    privacy: Option<(Privacy, Key)>,
}

impl Credentials {
    /// A user of messages that are neither authenticated nor encrypted.
    pub fn open(name: &[u8]) -> Self {
        Self { name: name.into(), auth: None, privacy: None }
    }

    /// A user of authenticated messages.
    ///
    /// # Errors
    /// [`ShortPassword`].
    pub fn authenticated(
        crypto: &impl Crypto,
        name: &[u8],
        auth: (Auth, &[u8]),
    ) -> Result<Self, ShortPassword> {
        let key = Key::from_password(crypto, auth.0, auth.1)?;
        Ok(Self { name: name.into(), auth: Some((auth.0, key)), privacy: None })
    }

    /// A user of authenticated and encrypted messages.
    ///
    /// # Errors
    /// [`ShortPassword`].
    pub fn encrypted(
        crypto: &impl Crypto,
        name: &[u8],
        auth: (Auth, &[u8]),
        privacy: (Privacy, &[u8]),
    ) -> Result<Self, ShortPassword> {
        let key = Key::from_password(crypto, auth.0, privacy.1)?;
        let mut credentials = Self::authenticated(crypto, name, auth)?;
        credentials.privacy = Some((privacy.0, key));
        Ok(credentials)
    }

    /// The user's name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The highest level that the user's keys allow.
    pub const fn level(&self) -> Level {
        match (&self.auth, &self.privacy) {
            (Some(_), Some(_)) => Level::Encrypted,
            (Some(_), None) => Level::Authenticated,
            _ => Level::Open,
        }
    }

    /// How the user's messages are authenticated and encrypted.
    pub fn protocols(&self) -> (Option<Auth>, Option<Privacy>) {
        (self.auth.as_ref().map(|(auth, _)| *auth), self.privacy.as_ref().map(|(privacy, _)| *privacy))
    }

    /// The key of authentication as one engine knows it.
    pub(super) fn localize_auth(&self, crypto: &impl Crypto, engine: &[u8]) -> Option<(Auth, Key)> {
        self.auth.as_ref().map(|(auth, key)| (*auth, key.localize(crypto, *auth, engine)))
    }

    /// The user as one engine knows it.
    #[must_use]
    pub fn localize(&self, crypto: &impl Crypto, engine: &[u8]) -> User {
        let auth = self.localize_auth(crypto, engine);
        let privacy = self.auth.as_ref().zip(self.privacy.as_ref()).map(|((auth, _), (privacy, key))| {
            let local = key.localize(crypto, *auth, engine);
            (*privacy, local.for_privacy(crypto, *auth, *privacy, engine))
        });
        User { name: self.name.clone(), auth, privacy }
    }
}

/// A user with the keys of one engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub(super) name: Box<[u8]>,
    pub(super) auth: Option<(Auth, Key)>,
    pub(super) privacy: Option<(Privacy, Key)>,
}

impl User {
    /// The user of discoveries and of reports that nobody could be told otherwise.
    pub(super) fn nobody() -> Self {
        Self { name: Box::default(), auth: None, privacy: None }
    }

    pub(super) const fn supports(&self, level: Level) -> bool {
        match level {
            Level::Open => true,
            Level::Authenticated => self.auth.is_some(),
            Level::Encrypted => self.auth.is_some() && self.privacy.is_some(),
        }
    }
}
