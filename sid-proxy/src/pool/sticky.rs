//! A cookie that keeps a browser on its card (patent Fig. 7's session that stays where it began).

use super::hash::siphash;
use crate::wire::cookie;
use crate::{CardId, ServiceId};
use alloc::string::String;
use core::fmt;

/// What stands in the cookie: a number that names a card to those who have the secret, and nothing to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token(pub u64);

/// How browsers are kept on their cards.
///
/// The value of the cookie is 16 hexadecimal digits: SipHash-2-4 under the secret of the service's and the card's
/// numbers. It shows no address, no name and no number of a card, cannot be made for another card without the secret,
/// and stays the same over reloads, restarts and a pair of proxies that share the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Sticky {
    name: String,
    service: ServiceId,
    secret: [u8; 16],
    /// True if cards don't see the cookie.
    pub hidden: bool,
    /// True if the cookie goes over TLS only.
    pub secure: bool,
}

impl Sticky {
    /// Makes a service's cookie of this name, or `None` if no cookie can have it (RFC 6265 §4.1.1: a token) or it is
    /// longer than 64 bytes.
    #[must_use]
    pub fn new(name: &str, service: ServiceId, secret: [u8; 16]) -> Option<Self> {
        let token = !name.is_empty() && name.len() <= 64 && name.bytes().all(crate::wire::list::is_tchar);
        token.then(|| Self { name: String::from(name), service, secret, hidden: true, secure: false })
    }

    /// Lets cards see the cookie or not; they don't unless told so.
    #[must_use]
    pub fn with_hidden(mut self, hidden: bool) -> Self {
        self.hidden = hidden;
        self
    }

    /// Keeps the cookie on TLS or not.
    #[must_use]
    pub fn with_secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    /// The name of the cookie.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What names a card of the service.
    #[must_use]
    pub fn token(&self, card: CardId) -> Token {
        let [a, b, c, d] = self.service.0.to_be_bytes();
        let [e, f, g, h] = card.0.to_be_bytes();
        Token(siphash(self.secret, &[a, b, c, d, e, f, g, h]))
    }

    /// Reads the token from the values of a request's `Cookie` fields. The first cookie of the name counts; a value that
    /// is none of ours counts as no cookie.
    #[must_use]
    pub fn read<'a>(&self, cookies: impl IntoIterator<Item = &'a [u8]>) -> Option<Token> {
        let value = cookie::find(&self.name, cookies)?;
        let digits = core::str::from_utf8(value).ok().filter(|digits| digits.len() == 16)?;
        let plain = digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        u64::from_str_radix(digits, 16).ok().filter(|_| plain).map(Token)
    }

    /// Reads the token from the lines of a head.
    #[must_use]
    pub fn read_fields(&self, lines: &[u8]) -> Option<Token> {
        self.read(cookie::fields(lines))
    }

    /// Writes the value of the `Set-Cookie` field: for the session, for the whole host, not for scripts.
    #[must_use]
    pub fn set_cookie(&self, token: Token) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        alloc::format!("{}={:016x}; Path=/; HttpOnly; SameSite=Lax{secure}", self.name, token.0)
    }
}

impl fmt::Debug for Sticky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sticky").field("name", &self.name).field("secret", &"...").finish_non_exhaustive()
    }
}
