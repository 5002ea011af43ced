//! The types of options: what the octets of one option mean.
//!
//! Each type here names a [`Kind`]; its `Value` is what a getter returns.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use nom::bytes::complete::take;
use nom::combinator::{all_consuming, map, rest, verify};
use nom::multi::{length_data, many0, many1};
use nom::number::complete::{be_u8, be_u16, be_u32};
use nom::{IResult, Parser};

use super::{Arch, Kind};

fn whole<'a, T>(
    bytes: &'a [u8],
    parser: impl Parser<&'a [u8], Output = T, Error = nom::error::Error<&'a [u8]>>,
) -> Option<T> {
    all_consuming(parser).parse_complete(bytes).ok().map(|(_, value)| value)
}

fn address(input: &[u8]) -> IResult<&[u8], Ipv4Addr> {
    map(be_u32, Ipv4Addr::from_bits).parse_complete(input)
}

/// One octet.
#[derive(Debug)]
pub struct U8;
/// Two octets.
#[derive(Debug)]
pub struct U16;
/// Four octets.
#[derive(Debug)]
pub struct U32;
/// One address.
#[derive(Debug)]
pub struct Address;
/// One address or more (RFC 2132: the length is a multiple of 4 and at least 4).
#[derive(Debug)]
pub struct Addresses;
/// Text without its trailing NULs, which some servers send and RFC 2132 §2 tells receivers to drop.
#[derive(Debug)]
pub struct Text;
/// Octets as they stand.
#[derive(Debug)]
pub struct Octets;
/// A client identifier: opaque, at least two octets (RFC 2132 §9.14).
#[derive(Debug)]
pub struct ClientId;
/// An option that is there or not.
#[derive(Debug)]
pub struct Empty;
/// The architectures of a client, best first (RFC 4578 §2.1).
#[derive(Debug)]
pub struct Archs;
/// A network interface: type, major, minor (RFC 4578 §2.2).
#[derive(Debug)]
pub struct Ndi;
/// A machine identifier: type 0 and sixteen octets (RFC 4578 §2.3).
#[derive(Debug)]
pub struct Uuid;
/// The user classes (RFC 3004), or one bare string, as iPXE sends it.
#[derive(Debug)]
pub struct UserClass;
/// Domain names with compression pointers inside the option (RFC 3397).
#[derive(Debug)]
pub struct Domains;
/// Routes by prefix (RFC 3442).
#[derive(Debug)]
pub struct Routes;

impl Kind for U8 {
    type Value<'a> = u8;
    fn read(bytes: Cow<'_, [u8]>) -> Option<u8> {
        whole(&bytes, be_u8)
    }
}

impl Kind for U16 {
    type Value<'a> = u16;
    fn read(bytes: Cow<'_, [u8]>) -> Option<u16> {
        whole(&bytes, be_u16)
    }
}

impl Kind for U32 {
    type Value<'a> = u32;
    fn read(bytes: Cow<'_, [u8]>) -> Option<u32> {
        whole(&bytes, be_u32)
    }
}

impl Kind for Address {
    type Value<'a> = Ipv4Addr;
    fn read(bytes: Cow<'_, [u8]>) -> Option<Ipv4Addr> {
        whole(&bytes, address)
    }
}

impl Kind for Addresses {
    type Value<'a> = Vec<Ipv4Addr>;
    fn read(bytes: Cow<'_, [u8]>) -> Option<Vec<Ipv4Addr>> {
        whole(&bytes, many1(address))
    }
}

impl Kind for Text {
    type Value<'a> = Cow<'a, [u8]>;
    fn read(bytes: Cow<'_, [u8]>) -> Option<Cow<'_, [u8]>> {
        let len = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last.saturating_add(1));
        Some(match bytes {
            Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(..len)?),
            Cow::Owned(mut bytes) => {
                bytes.truncate(len);
                Cow::Owned(bytes)
            }
        })
    }
}

impl Kind for Octets {
    type Value<'a> = Cow<'a, [u8]>;
    fn read(bytes: Cow<'_, [u8]>) -> Option<Cow<'_, [u8]>> {
        Some(bytes)
    }
}

impl Kind for ClientId {
    type Value<'a> = Cow<'a, [u8]>;
    fn read(bytes: Cow<'_, [u8]>) -> Option<Cow<'_, [u8]>> {
        (bytes.len() >= 2).then_some(bytes)
    }
}

impl Kind for Empty {
    type Value<'a> = ();
    fn read(bytes: Cow<'_, [u8]>) -> Option<()> {
        bytes.is_empty().then_some(())
    }
}

impl Kind for Archs {
    type Value<'a> = Vec<Arch>;
    fn read(bytes: Cow<'_, [u8]>) -> Option<Vec<Arch>> {
        whole(&bytes, many1(map(be_u16, Arch)))
    }
}

impl Kind for Ndi {
    type Value<'a> = [u8; 3];
    fn read(bytes: Cow<'_, [u8]>) -> Option<[u8; 3]> {
        <[u8; 3]>::try_from(&bytes[..]).ok()
    }
}

impl Kind for Uuid {
    type Value<'a> = [u8; 16];
    fn read(bytes: Cow<'_, [u8]>) -> Option<[u8; 16]> {
        let (0, uuid) = bytes.split_first().map(|(kind, uuid)| (*kind, uuid))? else { return None };
        <[u8; 16]>::try_from(uuid).ok()
    }
}

impl Kind for UserClass {
    type Value<'a> = Vec<Vec<u8>>;
    fn read(bytes: Cow<'_, [u8]>) -> Option<Vec<Vec<u8>>> {
        if bytes.is_empty() {
            return None;
        }
        let class = verify(length_data(be_u8), |class: &[u8]| !class.is_empty());
        let classes = whole(&bytes, many1(map(class, <[u8]>::to_vec)));
        Some(classes.unwrap_or_else(|| alloc::vec![bytes.to_vec()]))
    }
}

impl Kind for Domains {
    type Value<'a> = Vec<String>;
    fn read(bytes: Cow<'_, [u8]>) -> Option<Vec<String>> {
        let mut names = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let (name, next) = domain(&bytes, at)?;
            names.push(name);
            at = next;
        }
        (!names.is_empty()).then_some(names)
    }
}

/// Reads the name at `at` and says where the next begins; pointers go backwards only, so that it ends.
fn domain(bytes: &[u8], at: usize) -> Option<(String, usize)> {
    let mut name = String::new();
    let (mut at, mut low, mut next) = (at, at, None);
    loop {
        let label = usize::from(*bytes.get(at)?);
        let after = at.checked_add(1)?;
        match label >> 6 {
            0 if label == 0 => return Some((name, next.unwrap_or(after))),
            0 => {
                let end = after.checked_add(label)?;
                let text = core::str::from_utf8(bytes.get(after..end)?).ok()?;
                if text.contains(|c: char| c == '.' || c.is_control()) {
                    return None;
                }
                if !name.is_empty() {
                    name.push('.');
                }
                name.push_str(text);
                if name.len() > 253 {
                    return None;
                }
                at = end;
            }
            3 => {
                let target = ((label & 0x3f) << 8) | usize::from(*bytes.get(after)?);
                next = next.or(Some(after.checked_add(1)?));
                if target >= low {
                    return None;
                }
                (at, low) = (target, target);
            }
            _ => return None,
        }
    }
}

/// A route: everything in `network`/`prefix` goes by `router` (unspecified: it is on the link).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The destination network.
    pub network: Ipv4Addr,
    /// Its prefix length, 0 for the default route.
    pub prefix: u8,
    /// The router.
    pub router: Ipv4Addr,
}

fn route(input: &[u8]) -> IResult<&[u8], Route> {
    let (input, prefix) = verify(be_u8, |prefix| *prefix <= 32).parse_complete(input)?;
    let (input, octets) = take(prefix.div_ceil(8)).parse_complete(input)?;
    let mut network = [0; 4];
    for (to, from) in network.iter_mut().zip(octets) {
        *to = *from;
    }
    map(address, move |router| {
        // Bits behind the prefix are dropped, as RFC 3442 tells clients to.
        let mask = !u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
        Route { network: Ipv4Addr::from_bits(u32::from_be_bytes(network) & mask), prefix, router }
    })
    .parse_complete(input)
}

impl Kind for Routes {
    type Value<'a> = Vec<Route>;
    fn read(bytes: Cow<'_, [u8]>) -> Option<Vec<Route>> {
        whole(&bytes, many1(route))
    }
}

/// A client's full domain name (RFC 4702): flags and the name, in canonical wire form or in the older ASCII.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFqdn {
    /// The flags N, E, O and S in the low four bits.
    pub flags: u8,
    /// The name as text, without a final dot.
    pub name: String,
}

impl Kind for ClientFqdn {
    type Value<'a> = Self;
    fn read(bytes: Cow<'_, [u8]>) -> Option<Self> {
        let (&[flags, _, _], name) = bytes.split_first_chunk::<3>()?;
        let name = if flags & 4 != 0 {
            // A partial name ends without the root's empty label (RFC 4702 §2.3.1).
            let mut wire = name.to_vec();
            wire.push(0);
            domain(&wire, 0)?.0
        } else {
            let text = core::str::from_utf8(name).ok()?;
            if text.contains(char::is_control) {
                return None;
            }
            String::from(text.trim_end_matches('.'))
        };
        Some(Self { flags, name })
    }
}

/// What a relay says of the circuit that a message came from (RFC 3046 and its suboptions).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayInfo<'a> {
    bytes: Cow<'a, [u8]>,
}

impl RelayInfo<'_> {
    /// The circuit the client hangs on (suboption 1).
    pub const CIRCUIT_ID: u8 = 1;
    /// The remote end of it (suboption 2).
    pub const REMOTE_ID: u8 = 2;
    /// The link to choose an address for (suboption 5, RFC 3527).
    pub const LINK_SELECTION: u8 = 5;
    /// The subscriber, whatever circuit it hangs on (suboption 6, RFC 3993).
    pub const SUBSCRIBER_ID: u8 = 6;
    /// The address the server shall call itself by (suboption 11, RFC 5107).
    pub const SERVER_ID_OVERRIDE: u8 = 11;
    /// The relay listens on the port it sends from (suboption 19, RFC 8357).
    pub const SOURCE_PORT: u8 = 19;

    /// The octets of suboption `code`, the first if there are several.
    pub fn sub(&self, code: u8) -> Option<&[u8]> {
        Self::find(&self.bytes, code)
    }

    /// The octets of suboption `code` in the value of an option 82.
    pub(crate) fn find(bytes: &[u8], code: u8) -> Option<&[u8]> {
        let mut rest = bytes;
        while let [found, len, tail @ ..] = rest {
            let (value, next) = tail.split_at_checked(usize::from(*len))?;
            if *found == code {
                return Some(value);
            }
            rest = next;
        }
        None
    }

    /// Whether the value of an option 82 is suboptions, one at least (RFC 3046 §2.0), each inside the option.
    pub(crate) fn is_well_formed(bytes: &[u8]) -> bool {
        let mut rest = bytes;
        while let [_, len, tail @ ..] = rest {
            let Some((_, next)) = tail.split_at_checked(usize::from(*len)) else { return false };
            rest = next;
        }
        rest.is_empty() && !bytes.is_empty()
    }

    /// The circuit-id.
    pub fn circuit_id(&self) -> Option<&[u8]> {
        self.sub(Self::CIRCUIT_ID)
    }

    /// The remote-id.
    pub fn remote_id(&self) -> Option<&[u8]> {
        self.sub(Self::REMOTE_ID)
    }

    /// The link selection.
    pub fn link_selection(&self) -> Option<Ipv4Addr> {
        self.sub(Self::LINK_SELECTION).and_then(|value| whole(value, address))
    }

    /// The server-id override.
    pub fn server_id_override(&self) -> Option<Ipv4Addr> {
        self.sub(Self::SERVER_ID_OVERRIDE).and_then(|value| whole(value, address))
    }
}

impl Kind for RelayInfo<'static> {
    type Value<'a> = RelayInfo<'a>;
    fn read(bytes: Cow<'_, [u8]>) -> Option<RelayInfo<'_>> {
        RelayInfo::is_well_formed(&bytes).then_some(RelayInfo { bytes })
    }
}

/// The suboptions of an encapsulated option (43, 175), in their order.
pub fn encapsulated(bytes: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let end = nom::branch::alt((nom::bytes::complete::tag(&[255_u8][..]), nom::combinator::eof));
    let sub = (verify(be_u8, |code| *code != 0 && *code != 255), length_data(be_u8));
    let parser = (many0(sub), end, rest);
    whole(bytes, map(parser, |(subs, _, _)| subs))
}
