//! The numbers of DHCP, as open newtypes: one value a byte, named where a name exists.

use core::fmt;

/// The `op` field: who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Op(pub u8);

impl Op {
    /// From client (or relay) to server.
    pub const REQUEST: Self = Self(1);
    /// From server to client.
    pub const REPLY: Self = Self(2);
}

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident($int:ty) { $($(#[$item_doc:meta])* $item:ident = $value:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $int);

        impl $name {
            $($(#[$item_doc])* pub const $item: Self = Self($value);)*

            /// The registered name, if it is one this crate knows.
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$item => Some($text),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "{}", self.0),
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

codes! {
    /// The value of option 53 (RFC 2132 §9.6, RFC 4388 §6.1).
    MessageType(u8) {
        /// A client looks for servers.
        DISCOVER = 1, "DISCOVER";
        /// A server offers parameters.
        OFFER = 2, "OFFER";
        /// A client asks for offered parameters, or to keep its address.
        REQUEST = 3, "REQUEST";
        /// A client found the address in use.
        DECLINE = 4, "DECLINE";
        /// A server commits the parameters.
        ACK = 5, "ACK";
        /// A server says that the client's idea of its address is wrong.
        NAK = 6, "NAK";
        /// A client gives its address back.
        RELEASE = 7, "RELEASE";
        /// A client has an address and asks for parameters only.
        INFORM = 8, "INFORM";
        /// A relay asks who holds an address.
        LEASEQUERY = 10, "LEASEQUERY";
        /// The address is not leased.
        LEASEUNASSIGNED = 11, "LEASEUNASSIGNED";
        /// The server knows nothing of it.
        LEASEUNKNOWN = 12, "LEASEUNKNOWN";
        /// The address is leased.
        LEASEACTIVE = 13, "LEASEACTIVE";
    }
}

codes! {
    /// The code of an option (RFC 2132 and its successors).
    OptionCode(u8) {
        /// Padding without length (RFC 2132 §3.1).
        PAD = 0, "pad";
        /// The subnet mask (RFC 2132 §3.3).
        SUBNET_MASK = 1, "subnet-mask";
        /// The routers, best first (RFC 2132 §3.5).
        ROUTER = 3, "router";
        /// Domain name servers (RFC 2132 §3.8).
        DNS = 6, "domain-name-server";
        /// Log servers (RFC 2132 §3.9).
        LOG_SERVER = 7, "log-server";
        /// The client's host name (RFC 2132 §3.14).
        HOST_NAME = 12, "host-name";
        /// The boot file's size in blocks of 512 octets (RFC 2132 §3.15).
        BOOT_FILE_SIZE = 13, "boot-file-size";
        /// The client's domain (RFC 2132 §3.17).
        DOMAIN_NAME = 15, "domain-name";
        /// The root file system's path (RFC 2132 §3.19).
        ROOT_PATH = 17, "root-path";
        /// The interface's MTU (RFC 2132 §5.1).
        MTU = 26, "interface-mtu";
        /// The broadcast address (RFC 2132 §5.3).
        BROADCAST = 28, "broadcast-address";
        /// Static routes by class (RFC 2132 §5.8).
        STATIC_ROUTE = 33, "static-route";
        /// Time servers (RFC 2132 §8.3).
        NTP = 42, "ntp-server";
        /// Vendor specific information (RFC 2132 §8.4).
        VENDOR = 43, "vendor-specific";
        /// The address a client asks for (RFC 2132 §9.1).
        REQUESTED_ADDRESS = 50, "requested-address";
        /// The lease in seconds (RFC 2132 §9.2).
        LEASE_TIME = 51, "lease-time";
        /// `file` and `sname` carry options too (RFC 2132 §9.3).
        OVERLOAD = 52, "option-overload";
        /// What message this is (RFC 2132 §9.6).
        MESSAGE_TYPE = 53, "message-type";
        /// The server's identity, an address (RFC 2132 §9.7).
        SERVER_ID = 54, "server-identifier";
        /// The options a client asks for, in its order (RFC 2132 §9.8).
        PARAMETERS = 55, "parameter-request-list";
        /// A text for people, in a NAK or DECLINE (RFC 2132 §9.9).
        MESSAGE = 56, "message";
        /// The largest message a client takes (RFC 2132 §9.10).
        MAX_MESSAGE = 57, "max-message-size";
        /// When to renew, in seconds (RFC 2132 §9.11).
        RENEWAL = 58, "renewal-time";
        /// When to rebind, in seconds (RFC 2132 §9.12).
        REBINDING = 59, "rebinding-time";
        /// What kind of client this is (RFC 2132 §9.13).
        VENDOR_CLASS = 60, "vendor-class-identifier";
        /// The client's own identifier (RFC 2132 §9.14, RFC 4361, RFC 6842).
        CLIENT_ID = 61, "client-identifier";
        /// The TFTP server's name, when `sname` carries options (RFC 2132 §9.4).
        TFTP_SERVER = 66, "tftp-server-name";
        /// The boot file's name, when `file` carries options (RFC 2132 §9.5).
        BOOT_FILE = 67, "bootfile-name";
        /// The user class (RFC 3004).
        USER_CLASS = 77, "user-class";
        /// Two messages instead of four (RFC 4039).
        RAPID_COMMIT = 80, "rapid-commit";
        /// The client's full domain name (RFC 4702).
        CLIENT_FQDN = 81, "client-fqdn";
        /// What a relay knows of the client's circuit (RFC 3046).
        RELAY_INFO = 82, "relay-agent-information";
        /// How long ago the client spoke, in seconds (RFC 4388 §6.1).
        LAST_TRANSACTION = 91, "client-last-transaction-time";
        /// Other addresses of the same client (RFC 4388 §6.1).
        ASSOCIATED = 92, "associated-ip";
        /// The client's architecture (RFC 4578 §2.1).
        CLIENT_ARCH = 93, "client-architecture";
        /// The client's network interface (RFC 4578 §2.2).
        CLIENT_NDI = 94, "client-ndi";
        /// The client machine's identifier (RFC 4578 §2.3).
        CLIENT_UUID = 97, "client-uuid";
        /// The client prefers IPv6 only (RFC 8925).
        IPV6_ONLY = 108, "ipv6-only-preferred";
        /// The subnet to choose (RFC 3011).
        SUBNET_SELECTION = 118, "subnet-selection";
        /// The domains to search (RFC 3397).
        DOMAIN_SEARCH = 119, "domain-search";
        /// Routes with prefix lengths (RFC 3442).
        CLASSLESS_ROUTES = 121, "classless-static-routes";
        /// TFTP servers' addresses (RFC 5859).
        TFTP_SERVERS = 150, "tftp-server-address";
        /// iPXE's own options, encapsulated.
        IPXE = 175, "ipxe";
        /// PXELINUX's magic (RFC 5071 §3, deprecated).
        PXELINUX_MAGIC = 208, "pxelinux-magic";
        /// The configuration file (RFC 5071 §4).
        CONFIG_FILE = 209, "config-file";
        /// The prefix of every path (RFC 5071 §5).
        PATH_PREFIX = 210, "path-prefix";
        /// When to reboot if nothing boots, in seconds (RFC 5071 §6).
        REBOOT_TIME = 211, "reboot-time";
        /// The end of a field's options (RFC 2132 §3.2).
        END = 255, "end";
    }
}

codes! {
    /// A client's architecture (RFC 4578 §2.1 and IANA's list).
    Arch(u16) {
        /// A PC with a BIOS.
        BIOS = 0, "bios";
        /// A 32-bit PC with UEFI.
        X86_UEFI = 6, "x86-uefi";
        /// A 64-bit PC with UEFI, as IANA has it.
        X64_UEFI = 7, "x64-uefi";
        /// EFI byte code, which many 64-bit PCs with UEFI send.
        EBC = 9, "ebc";
        /// A 32-bit ARM with UEFI.
        ARM_UEFI = 10, "arm-uefi";
        /// A 64-bit ARM with UEFI.
        ARM64_UEFI = 11, "arm64-uefi";
        /// A 64-bit PC that boots by HTTP.
        X64_HTTP = 16, "x64-http";
        /// A 64-bit ARM that boots by HTTP.
        ARM64_HTTP = 19, "arm64-http";
    }
}

impl Arch {
    /// The architecture with EBC folded into x64: firmware sends 7 and 9 for the same machines (RFC 4578 errata).
    pub const fn folded(self) -> Self {
        match self {
            Self::EBC => Self::X64_UEFI,
            other => other,
        }
    }

    /// Whether the client boots by HTTP, so that a boot file is a URL.
    pub const fn boots_by_http(self) -> bool {
        matches!(self.0, 15..=20)
    }
}
