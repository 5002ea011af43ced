//! What both sides do to a message: sign, check, encrypt, decrypt (RFC 3414 §6.3, RFC 3826 §3.1).

use super::crypto::Crypto;
use super::key::Key;
use super::protocol::{Auth, Level, Privacy};
use super::user::User;
use crate::wire::ber::{NoRoom, Writer};
use crate::wire::{Flags, UsmParameters, V3Message};
use alloc::vec::Vec;
use subtle::ConstantTimeEq;

/// What the headers of a message say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Envelope<'a> {
    pub(super) id: i32,
    pub(super) max_size: i32,
    pub(super) reportable: bool,
    pub(super) level: Level,
    pub(super) engine: &'a [u8],
    pub(super) boots: i32,
    pub(super) time: i32,
    /// Never the same twice with one key; used where the message is encrypted.
    pub(super) salt: u64,
}

/// The zeros that stand in for a digest while it is made.
const BLANK: [u8; 64] = [0; 64];

/// Makes the message of `user` around an encoded scoped PDU in `out`, which is used again.
pub(super) fn seal<'o>(
    crypto: &impl Crypto,
    user: &User,
    envelope: &Envelope<'_>,
    scoped: &[u8],
    out: &'o mut Vec<u8>,
) -> Result<&'o [u8], NoRoom> {
    let auth = user.auth.as_ref().filter(|_| envelope.level >= Level::Authenticated);
    let privacy = user.privacy.as_ref().filter(|_| envelope.level == Level::Encrypted);
    let salt = envelope.salt.to_be_bytes();
    let parameters = UsmParameters {
        engine: envelope.engine,
        boots: envelope.boots,
        time: envelope.time,
        user: &user.name,
        digest: auth.map_or(&[], |(auth, _)| BLANK.get(..auth.digest_len()).unwrap_or(&BLANK)),
        salt: if privacy.is_some() { &salt } else { &[] },
    };
    let mut flags = if envelope.reportable { Flags::REPORTABLE } else { Flags::default() };
    if auth.is_some() {
        flags = flags.with(Flags::AUTH);
    }
    if privacy.is_some() {
        flags = flags.with(Flags::PRIV);
    }
    let room = parameters.room();
    out.clear();
    out.resize(room, 0);
    out.extend_from_slice(scoped);
    if let Some((privacy, key)) = privacy {
        let iv = iv(envelope.boots, envelope.time, salt);
        crypto.encrypt(*privacy, key.as_bytes(), &iv, out.get_mut(room..).ok_or(NoRoom)?);
    }
    let mut writer = Writer::resume(out, room);
    let behind = V3Message::write_around(&mut writer, (envelope.id, envelope.max_size, flags), &parameters)?;
    let start = writer.start();
    let message = out.get_mut(start..).ok_or(NoRoom)?;
    if let Some((auth, key)) = auth {
        let end = message.len().saturating_sub(behind).saturating_sub(parameters.behind_digest());
        let digest = mac(crypto, *auth, key, &mut core::iter::once(&*message));
        let slot = message.get_mut(end.saturating_sub(auth.digest_len())..end).ok_or(NoRoom)?;
        slot.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    }
    Ok(message)
}

/// Tells whether the digest of `message`, which begins at `digest_at`, is the user's.
pub(super) fn authentic(
    crypto: &impl Crypto,
    (auth, key): &(Auth, Key),
    message: &[u8],
    digest: &[u8],
    digest_at: usize,
) -> bool {
    let blank = BLANK.get(..digest.len());
    let behind = message.get(digest_at.saturating_add(digest.len())..);
    let (Some(before), Some(blank), Some(behind)) = (message.get(..digest_at), blank, behind) else {
        return false;
    };
    if digest.len() != auth.digest_len() {
        return false;
    }
    let own = mac(crypto, *auth, key, &mut [before, blank, behind].into_iter());
    own.get(..digest.len()).is_some_and(|own| own.ct_eq(digest).into())
}

/// Decrypts `data` into `plain`; false where the salt has not the eight octets of RFC 3826 §3.1.3.
pub(super) fn decrypt(
    crypto: &impl Crypto,
    (privacy, key): &(Privacy, Key),
    parameters: &UsmParameters<'_>,
    data: &[u8],
    plain: &mut Vec<u8>,
) -> bool {
    let Ok(salt) = <[u8; 8]>::try_from(parameters.salt) else { return false };
    plain.clear();
    plain.extend_from_slice(data);
    let iv = iv(parameters.boots, parameters.time, salt);
    crypto.decrypt(*privacy, key.as_bytes(), &iv, plain);
    true
}

fn mac(crypto: &impl Crypto, auth: Auth, key: &Key, parts: &mut dyn Iterator<Item = &[u8]>) -> [u8; 64] {
    let mut digest = [0; 64];
    crypto.mac(auth, key.as_bytes(), parts, &mut digest);
    digest
}

fn iv(boots: i32, time: i32, salt: [u8; 8]) -> [u8; 16] {
    let ([a, b, c, d], [e, f, g, h], [i, j, k, l, m, n, o, p]) =
        (boots.to_be_bytes(), time.to_be_bytes(), salt);
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
}
