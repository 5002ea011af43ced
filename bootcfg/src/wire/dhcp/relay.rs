//! What a relay does to the octets of a message, everything else left as it stands.

use alloc::vec::Vec;
use core::net::Ipv4Addr;

use super::{HEADER, MIN_MESSAGE, Message, OPTIONS_AT, OptionCode};

/// Appends the request with one hop more, `giaddr` set where it was not, and `info` as option 82 at the end of its
/// options; `None` where that is longer than `limit` or `info` longer than an option.
pub fn relay_request(
    message: &Message<'_>,
    giaddr: Ipv4Addr,
    info: &[u8],
    limit: usize,
    out: &mut Vec<u8>,
) -> Option<()> {
    let len = u8::try_from(info.len()).ok()?;
    copy_without_relay_info(message, out)?;
    let head = out.first_chunk_mut::<HEADER>()?;
    head[3] = head[3].saturating_add(1);
    if message.giaddr().is_unspecified() {
        head.get_mut(24..28)?.copy_from_slice(&giaddr.octets());
    }
    if message.is_dhcp() {
        out.extend_from_slice(&[OptionCode::RELAY_INFO.0, len]);
        out.extend_from_slice(info);
        out.push(OptionCode::END.0);
    }
    pad(out);
    (out.len() <= limit).then_some(())
}

/// Appends the reply without option 82 (RFC 3046 §2.1).
pub fn relay_reply(message: &Message<'_>, out: &mut Vec<u8>) {
    if copy_without_relay_info(message, out).is_some() && message.is_dhcp() {
        out.push(OptionCode::END.0);
    }
    pad(out);
}

/// The header and the options field up to its END, which is left out. What `file` and `sname` carry stays in them.
fn copy_without_relay_info(message: &Message<'_>, out: &mut Vec<u8>) -> Option<()> {
    let bytes = message.as_bytes();
    out.clear();
    if !message.is_dhcp() {
        out.extend_from_slice(bytes);
        return Some(());
    }
    out.extend_from_slice(bytes.get(..OPTIONS_AT)?);
    let mut rest = bytes.get(OPTIONS_AT..)?;
    while let [code, len, tail @ ..] = rest {
        match *code {
            0 => rest = rest.get(1..)?,
            255 => break,
            code => {
                let (value, next) = tail.split_at_checked(usize::from(*len))?;
                if code != OptionCode::RELAY_INFO.0 {
                    out.extend_from_slice(&[code, *len]);
                    out.extend_from_slice(value);
                }
                rest = next;
            }
        }
    }
    Some(())
}

fn pad(out: &mut Vec<u8>) {
    if out.len() < MIN_MESSAGE {
        out.resize(MIN_MESSAGE, 0);
    }
}
