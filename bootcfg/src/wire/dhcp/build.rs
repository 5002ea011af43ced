//! Writing a message into the caller's buffer, within the size its reader takes.

use core::fmt;
use core::net::Ipv4Addr;

use super::{FILE, HEADER, MAGIC_COOKIE, MIN_MESSAGE, MessageType, OPTIONS_AT, Op, OptionCode, SNAME};
use crate::HwAddr;

/// The fixed fields of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Who speaks.
    pub op: Op,
    /// The relays passed.
    pub hops: u8,
    /// The transaction.
    pub xid: u32,
    /// Seconds since the client began.
    pub secs: u16,
    /// The `flags` field; 0x8000 asks for a broadcast.
    pub flags: u16,
    /// The client's address.
    pub ciaddr: Ipv4Addr,
    /// The address given.
    pub yiaddr: Ipv4Addr,
    /// The next server.
    pub siaddr: Ipv4Addr,
    /// The relay.
    pub giaddr: Ipv4Addr,
    /// The client's hardware address.
    pub chaddr: HwAddr,
}

impl Header {
    /// A client's header, everything else zero.
    pub fn request(xid: u32, chaddr: HwAddr) -> Self {
        Self {
            op: Op::REQUEST,
            hops: 0,
            xid,
            secs: 0,
            flags: 0,
            ciaddr: Ipv4Addr::UNSPECIFIED,
            yiaddr: Ipv4Addr::UNSPECIFIED,
            siaddr: Ipv4Addr::UNSPECIFIED,
            giaddr: Ipv4Addr::UNSPECIFIED,
            chaddr,
        }
    }
}

/// Writes a DHCP message: header, legacy fields, then options in the order of their worth.
///
/// An option goes whole into the options field, else into `file`, else into `sname` where these are free
/// (option 52 is then added), else it is dropped and told by [`Dropped`]: what is put last is sacrificed first.
/// Options past 255 octets are split as RFC 3396 says. Option 82, if given, comes last in the options field, is never
/// put into `file` or `sname` (RFC 3046 §2.2), and has its room kept free.
#[derive(Debug)]
pub struct Builder<'b, 'r> {
    buf: &'b mut [u8],
    relay_info: Option<&'r [u8]>,
    options: Area,
    file: Area,
    sname: Area,
    dropped: Dropped,
}

/// A field that takes options: where the next goes, and where its END must stand at the latest.
#[derive(Clone, Copy, Debug)]
struct Area {
    at: usize,
    end: usize,
    state: Use,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// Nothing is in it.
    Free,
    /// It holds a name.
    Text,
    /// It holds options.
    Options,
}

impl<'b, 'r> Builder<'b, 'r> {
    /// Begins a message of at most `limit` octets, and no more than `buf` holds; 300 octets are the least that works
    /// and `None` says that `buf` has fewer.
    ///
    /// `relay_info` is the value of option 82 to echo.
    pub fn new(
        buf: &'b mut [u8],
        limit: usize,
        header: &Header,
        relay_info: Option<&'r [u8]>,
    ) -> Option<Self> {
        let size = buf.len().min(limit.max(MIN_MESSAGE));
        let buf = buf.get_mut(..size)?;
        let head = buf.first_chunk_mut::<HEADER>()?;
        *head = [0; HEADER];
        head[0] = header.op.0;
        head[1] = header.chaddr.htype();
        head[2] = header.chaddr.hlen();
        head[3] = header.hops;
        put(head, 4, &header.xid.to_be_bytes());
        put(head, 8, &header.secs.to_be_bytes());
        put(head, 10, &header.flags.to_be_bytes());
        put(head, 12, &header.ciaddr.octets());
        put(head, 16, &header.yiaddr.octets());
        put(head, 20, &header.siaddr.octets());
        put(head, 24, &header.giaddr.octets());
        put(head, 28, header.chaddr.chaddr());
        buf.get_mut(HEADER..OPTIONS_AT)?.copy_from_slice(&MAGIC_COOKIE);
        let mut dropped = Dropped::default();
        // Kept free behind the options: END, option 52, and option 82 if it leaves room for anything else.
        let room = size.checked_sub(OPTIONS_AT)?.checked_sub(4)?;
        let relay_info = relay_info.filter(|info| {
            let fits = split_len(info.len()).saturating_add(8) <= room;
            if !fits {
                dropped.note(OptionCode::RELAY_INFO);
            }
            fits
        });
        let kept = relay_info.map_or(0, |info| split_len(info.len()));
        let end = size.saturating_sub(4).saturating_sub(kept);
        Some(Self {
            buf,
            relay_info,
            options: Area { at: OPTIONS_AT, end, state: Use::Options },
            file: Area { at: FILE.start, end: FILE.end.saturating_sub(1), state: Use::Free },
            sname: Area { at: SNAME.start, end: SNAME.end.saturating_sub(1), state: Use::Free },
            dropped,
        })
    }

    /// Writes the boot file's name into `file`; `false` if it is too long or the field is taken.
    pub fn file(&mut self, name: &[u8]) -> bool {
        text(self.buf, &mut self.file, name)
    }

    /// Writes the server's name into `sname`; `false` if it is too long or the field is taken.
    pub fn sname(&mut self, name: &[u8]) -> bool {
        text(self.buf, &mut self.sname, name)
    }

    /// Adds an option; `false`, and noted as dropped, where it does not fit.
    #[inline]
    pub fn option(&mut self, code: OptionCode, value: &[u8]) -> bool {
        if value.len() <= 255 && self.options.room() >= value.len().saturating_add(2) {
            self.options.write(self.buf, code, value);
            return true;
        }
        self.elsewhere(code, value)
    }

    /// Adds an option that the options field has no room for, or one that must be split.
    fn elsewhere(&mut self, code: OptionCode, value: &[u8]) -> bool {
        if value.len() <= 255 {
            for area in [&mut self.file, &mut self.sname] {
                if area.state != Use::Text && area.room() >= value.len().saturating_add(2) {
                    area.write(self.buf, code, value);
                    return true;
                }
            }
            self.dropped.note(code);
            return false;
        }
        if self.options.room() < split_len(value.len()) {
            self.dropped.note(code);
            return false;
        }
        for part in value.chunks(255) {
            self.options.write(self.buf, code, part);
        }
        true
    }

    /// Adds an option of one address.
    #[inline]
    pub fn address(&mut self, code: OptionCode, value: Ipv4Addr) -> bool {
        self.option(code, &value.octets())
    }

    /// Adds an option of four octets.
    #[inline]
    pub fn u32(&mut self, code: OptionCode, value: u32) -> bool {
        self.option(code, &value.to_be_bytes())
    }

    /// Adds option 53.
    #[inline]
    pub fn kind(&mut self, kind: MessageType) -> bool {
        self.option(OptionCode::MESSAGE_TYPE, &[kind.0])
    }

    /// Ends every field, adds option 52 and option 82, pads to 300 octets. Says the length and what was dropped.
    pub fn finish(mut self) -> (usize, Dropped) {
        let overload =
            u8::from(self.file.state == Use::Options) | u8::from(self.sname.state == Use::Options) << 1;
        for area in [&mut self.file, &mut self.sname] {
            if area.state == Use::Options {
                area.close(self.buf);
            }
        }
        self.options.end = self.buf.len().saturating_sub(1);
        if overload != 0 {
            self.options.write(self.buf, OptionCode::OVERLOAD, &[overload]);
        }
        if let Some(info) = self.relay_info {
            for part in info.chunks(255) {
                self.options.write(self.buf, OptionCode::RELAY_INFO, part);
            }
            if info.is_empty() {
                self.options.write(self.buf, OptionCode::RELAY_INFO, &[]);
            }
        }
        self.options.close(self.buf);
        if let Some(pad) = self.buf.get_mut(self.options.at..MIN_MESSAGE) {
            pad.fill(0);
        }
        (self.options.at.max(MIN_MESSAGE), self.dropped)
    }
}

impl Area {
    fn room(&self) -> usize {
        self.end.saturating_sub(self.at)
    }

    /// Writes one part, whose room the caller checked.
    #[inline]
    fn write(&mut self, buf: &mut [u8], code: OptionCode, part: &[u8]) {
        let Ok(len) = u8::try_from(part.len()) else { return };
        let Some([to_code, to_len, tail @ ..]) = buf.get_mut(self.at..) else { return };
        let Some(to) = tail.get_mut(..part.len()) else { return };
        *to_code = code.0;
        *to_len = len;
        to.copy_from_slice(part);
        self.state = Use::Options;
        self.at = self.at.saturating_add(2).saturating_add(part.len());
    }

    fn close(&mut self, buf: &mut [u8]) {
        if let Some(end) = buf.get_mut(self.at) {
            *end = OptionCode::END.0;
        }
        self.at = self.at.saturating_add(1);
    }
}

fn put(head: &mut [u8; HEADER], at: usize, value: &[u8]) {
    if let Some(to) = head.get_mut(at..).and_then(|tail| tail.get_mut(..value.len())) {
        to.copy_from_slice(value);
    }
}

/// Writes a NUL-terminated name into a free field.
fn text(buf: &mut [u8], area: &mut Area, name: &[u8]) -> bool {
    if area.state != Use::Free || name.len() > area.room() || name.contains(&0) {
        return false;
    }
    let Some(to) = buf.get_mut(area.at..).and_then(|tail| tail.get_mut(..name.len())) else { return false };
    to.copy_from_slice(name);
    area.state = Use::Text;
    true
}

/// The octets that a value takes as an option, split where it is long (RFC 3396 §4).
fn split_len(len: usize) -> usize {
    len.saturating_add(len.div_ceil(255).max(1).saturating_mul(2))
}

/// The options that did not fit, a set of codes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped([u64; 4]);

impl Dropped {
    /// Whether nothing was dropped.
    pub fn is_empty(&self) -> bool {
        self.0 == [0; 4]
    }

    /// Whether `code` was dropped.
    pub fn contains(&self, code: OptionCode) -> bool {
        self.0.get(usize::from(code.0 >> 6)).is_some_and(|word| word & bit(code) != 0)
    }

    /// The dropped options in the order of their codes.
    pub fn iter(&self) -> impl Iterator<Item = OptionCode> + '_ {
        (0..=u8::MAX).map(OptionCode).filter(|code| self.contains(*code))
    }

    fn note(&mut self, code: OptionCode) {
        if let Some(word) = self.0.get_mut(usize::from(code.0 >> 6)) {
            *word |= bit(code);
        }
    }
}

fn bit(code: OptionCode) -> u64 {
    1_u64.wrapping_shl(u32::from(code.0 & 63))
}

impl fmt::Debug for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
