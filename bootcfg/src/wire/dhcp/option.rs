//! Options with their types: a [`Key`] names an option and the type of its value.

use alloc::borrow::Cow;
use core::marker::PhantomData;

use super::{OptionCode, typed};

/// The way a kind of option reads its octets.
pub trait Kind {
    /// What a well-formed value is.
    type Value<'a>;
    /// Reads a value, `None` if it is malformed.
    fn read(bytes: Cow<'_, [u8]>) -> Option<Self::Value<'_>>;
}

/// An option's code together with the type of its value.
#[derive(Debug)]
pub struct Key<K> {
    /// The code.
    pub code: OptionCode,
    kind: PhantomData<K>,
}

impl<K> Key<K> {
    /// Names an option, one of a site's own for instance, and its type.
    pub const fn new(code: OptionCode) -> Self {
        Self { code, kind: PhantomData }
    }
}

impl<K> Clone for Key<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Key<K> {}

/// An option whose value is not what its definition says; the message's other options are unhurt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("option {code} is malformed")]
pub struct BadOption {
    /// The option.
    pub code: OptionCode,
}

macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident: $kind:ty;)*) => {
        /// The options this crate knows, with their types.
        pub mod key {
            use super::{Key, OptionCode, typed::*};
            $($(#[$doc])* pub const $name: Key<$kind> = Key::new(OptionCode::$name);)*
        }
    };
}

keys! {
    /// Option 1.
    SUBNET_MASK: Address;
    /// Option 3.
    ROUTER: Addresses;
    /// Option 6.
    DNS: Addresses;
    /// Option 7.
    LOG_SERVER: Addresses;
    /// Option 12.
    HOST_NAME: Text;
    /// Option 15.
    DOMAIN_NAME: Text;
    /// Option 17.
    ROOT_PATH: Text;
    /// Option 26.
    MTU: U16;
    /// Option 28.
    BROADCAST: Address;
    /// Option 42.
    NTP: Addresses;
    /// Option 50.
    REQUESTED_ADDRESS: Address;
    /// Option 51, seconds.
    LEASE_TIME: U32;
    /// Option 53.
    MESSAGE_TYPE: U8;
    /// Option 54.
    SERVER_ID: Address;
    /// Option 55.
    PARAMETERS: Octets;
    /// Option 56.
    MESSAGE: Text;
    /// Option 57.
    MAX_MESSAGE: U16;
    /// Option 58, seconds.
    RENEWAL: U32;
    /// Option 59, seconds.
    REBINDING: U32;
    /// Option 60.
    VENDOR_CLASS: Text;
    /// Option 61.
    CLIENT_ID: ClientId;
    /// Option 66.
    TFTP_SERVER: Text;
    /// Option 67.
    BOOT_FILE: Text;
    /// Option 77.
    USER_CLASS: UserClass;
    /// Option 80.
    RAPID_COMMIT: Empty;
    /// Option 81.
    CLIENT_FQDN: ClientFqdn;
    /// Option 82.
    RELAY_INFO: RelayInfo<'static>;
    /// Option 93.
    CLIENT_ARCH: Archs;
    /// Option 94.
    CLIENT_NDI: Ndi;
    /// Option 97.
    CLIENT_UUID: Uuid;
    /// Option 108, seconds.
    IPV6_ONLY: U32;
    /// Option 118.
    SUBNET_SELECTION: Address;
    /// Option 119.
    DOMAIN_SEARCH: Domains;
    /// Option 121.
    CLASSLESS_ROUTES: Routes;
    /// Option 150.
    TFTP_SERVERS: Addresses;
    /// Option 209.
    CONFIG_FILE: Text;
    /// Option 210.
    PATH_PREFIX: Text;
    /// Option 211, seconds.
    REBOOT_TIME: U32;
}
