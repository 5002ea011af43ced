//! The protocols of the user-based model: which hash, how long its digest and its key, which cipher.

use crate::oid;
use crate::wire::Oid;

/// An authentication protocol. MD5 is not offered: RFC 8996 §2 and every auditor advise against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Auth {
    /// usmHMACSHAAuthProtocol, HMAC-SHA-96 (RFC 3414 §7).
    Sha1,
    /// usmHMAC128SHA224AuthProtocol (RFC 7860).
    Sha224,
    /// usmHMAC192SHA256AuthProtocol (RFC 7860).
    Sha256,
    /// usmHMAC256SHA384AuthProtocol (RFC 7860).
    Sha384,
    /// usmHMAC384SHA512AuthProtocol (RFC 7860).
    Sha512,
}

impl Auth {
    /// Octets of the hash, and so of a key.
    pub const fn key_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Its registration (RFC 3414 §5, RFC 7860 §9).
    pub const fn registration(self) -> Oid<'static> {
        match self {
            Self::Sha1 => oid!(1, 3, 6, 1, 6, 3, 10, 1, 1, 3),
            Self::Sha224 => oid!(1, 3, 6, 1, 6, 3, 10, 1, 1, 4),
            Self::Sha256 => oid!(1, 3, 6, 1, 6, 3, 10, 1, 1, 5),
            Self::Sha384 => oid!(1, 3, 6, 1, 6, 3, 10, 1, 1, 6),
            Self::Sha512 => oid!(1, 3, 6, 1, 6, 3, 10, 1, 1, 7),
        }
    }

    /// Octets of the digest in a message. One of another length is no digest (CVE-2008-0960).
    pub const fn digest_len(self) -> usize {
        match self {
            Self::Sha1 => 12,
            Self::Sha224 => 16,
            Self::Sha256 => 24,
            Self::Sha384 => 32,
            Self::Sha512 => 48,
        }
    }
}

/// A privacy protocol. DES is not offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Privacy {
    /// usmAesCfb128Protocol (RFC 3826).
    Aes128,
    /// AES-192 in CFB mode, its key extended as told.
    Aes192(Extension),
    /// AES-256 in CFB mode, its key extended as told.
    Aes256(Extension),
}

impl Privacy {
    /// Its registration: of AES-128 by RFC 3826 §5, of the longer ones by what vendors use.
    pub const fn registration(self) -> Oid<'static> {
        match self {
            Self::Aes128 => oid!(1, 3, 6, 1, 6, 3, 10, 1, 2, 4),
            Self::Aes192(Extension::Blumenthal) => oid!(1, 3, 6, 1, 4, 1, 14832, 1, 3),
            Self::Aes256(Extension::Blumenthal) => oid!(1, 3, 6, 1, 4, 1, 14832, 1, 4),
            Self::Aes192(Extension::Reeder) => oid!(1, 3, 6, 1, 4, 1, 9, 12, 6, 1, 1),
            Self::Aes256(Extension::Reeder) => oid!(1, 3, 6, 1, 4, 1, 9, 12, 6, 1, 2),
        }
    }

    /// Octets of the key.
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes192(_) => 24,
            Self::Aes256(_) => 32,
        }
    }

    /// How a key is extended that the hash leaves too short; [`Privacy::Aes128`] never needs it.
    pub const fn extension(self) -> Extension {
        match self {
            Self::Aes128 => Extension::Blumenthal,
            Self::Aes192(extension) | Self::Aes256(extension) => extension,
        }
    }
}

/// How a localized key is made longer. Neither became an RFC, and they do not understand one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Extension {
    /// draft-blumenthal-aes-usm-04, what net-snmp calls AES-192 and AES-256.
    Blumenthal,
    /// draft-reeder-snmpv3-usm-3desede-00, what Cisco devices use and net-snmp calls AES-192-C and AES-256-C.
    Reeder,
}

/// What is done to a message (RFC 3411 §3.4.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// noAuthNoPriv: nothing.
    #[default]
    Open,
    /// authNoPriv: it is authenticated.
    Authenticated,
    /// authPriv: it is authenticated and encrypted.
    Encrypted,
}
