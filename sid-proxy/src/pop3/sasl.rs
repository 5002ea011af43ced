//! What a customer logs in with, and SASL's base64 (RFC 4648 §4, RFC 4616).

use super::command::is_login;
use alloc::vec::Vec;
use core::fmt;

/// A login and its password. `Debug` hides the password.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Credentials {
    /// Whom to act as, where it is not the login itself (RFC 4616 §2).
    pub(super) acting: Vec<u8>,
    pub(super) login: Vec<u8>,
    pub(super) password: Vec<u8>,
}

impl Credentials {
    /// Reads the message of PLAIN: `[authzid] NUL authcid NUL passwd`.
    pub(super) fn plain(message: &[u8]) -> Option<Self> {
        let mut parts = message.split(|&b| b == 0);
        let (acting, login, password) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || login.is_empty() || password.is_empty() {
            return None;
        }
        let acting = if acting == login { &[][..] } else { acting };
        Some(Self { acting: acting.to_vec(), login: login.to_vec(), password: password.to_vec() })
    }

    /// Writes the message of PLAIN.
    pub(super) fn to_plain(&self) -> Vec<u8> {
        let mut message = self.acting.clone();
        message.push(0);
        message.extend_from_slice(&self.login);
        message.push(0);
        message.extend_from_slice(&self.password);
        message
    }

    /// True if `USER` and `PASS` say the same: nobody to act as, a login of one word, a password of one line.
    pub(super) fn fit_user_and_pass(&self) -> bool {
        let one_line = !self.password.iter().any(|&b| matches!(b, 0 | b'\r' | b'\n'));
        self.acting.is_empty() && is_login(&self.login) && one_line
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let login = alloc::string::String::from_utf8_lossy(&self.login);
        f.debug_struct("Credentials").field("login", &login).field("password", &"...").finish_non_exhaustive()
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Decodes padded base64 in its one canonical form.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let padding = text.iter().rev().take_while(|&&b| b == b'=').count();
    let digits = text.get(..text.len().checked_sub(padding)?)?;
    if padding > 2 {
        return None;
    }
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0u32, 0u32);
    for &digit in digits {
        let value = ALPHABET.iter().position(|&b| b == digit)?;
        bits = (bits << 6) | u32::try_from(value).ok()?;
        count = count.saturating_add(6);
        if count >= 8 {
            count = count.saturating_sub(8);
            bytes.push(u8::try_from(bits.wrapping_shr(count) & 0xff).ok()?);
            bits &= 1u32.wrapping_shl(count).saturating_sub(1);
        }
    }
    (bits == 0).then_some(bytes)
}

/// Encodes in base64 with padding.
pub(super) fn encode(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (digit, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let value = usize::try_from(bits.wrapping_shr(shift) & 63).unwrap_or(0);
            let symbol = ALPHABET.get(value).copied().unwrap_or(b'=');
            text.push(if digit > chunk.len() { b'=' } else { symbol });
        }
    }
    text
}
