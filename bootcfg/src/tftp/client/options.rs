//! The options of a request, and what a server made of them.

use alloc::vec::Vec;

use super::{Config, Failure};
use crate::wire::tftp::{FileName, MAX_REQUEST, OptionList, Packet, Request, emit_option};

/// What both sides keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::tftp) struct Agreed {
    pub(in crate::tftp) blksize: usize,
    pub(in crate::tftp) window: u64,
    /// What the server says of the size.
    pub(in crate::tftp) size: Option<u64>,
}

impl Agreed {
    /// Without options: RFC 1350 as it stands.
    pub(in crate::tftp) const PLAIN: Self = Self { blksize: 512, window: 1, size: None };
}

/// Which way the file goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::tftp) enum Way {
    Read,
    Write,
}

/// The packet that asks for `name`, with `size` as its tsize; `None` past 512 octets.
pub(in crate::tftp) fn request(
    config: &Config,
    way: Way,
    name: &FileName,
    size: Option<u64>,
) -> Option<Vec<u8>> {
    let mut options = Vec::new();
    if let Some(size) = config.blksize {
        emit_option(&mut options, "blksize", size.into());
    }
    if let Some(size) = size {
        emit_option(&mut options, "tsize", size);
    }
    if let Some(seconds) = config.timeout_option {
        emit_option(&mut options, "timeout", seconds.into());
    }
    if let Some(size) = config.windowsize {
        emit_option(&mut options, "windowsize", size.into());
    }
    let mut request = Vec::new();
    let options = OptionList::from_bytes(&options).ok()?;
    let (name, mode) = (name.as_str().as_bytes(), config.mode.name().as_bytes());
    let packet = Request { name, mode, options };
    match way {
        Way::Read => Packet::Read(packet),
        Way::Write => Packet::Write(packet),
    }
    .emit(&mut request);
    (request.len() <= MAX_REQUEST).then_some(request)
}

/// What the server agreed to, each option one that was asked for and no larger than asked (RFC 2347 §3).
pub(in crate::tftp) fn agreed(
    config: &Config,
    asked_size: bool,
    options: &OptionList<'_>,
) -> Result<Agreed, Failure> {
    let mut agreed = Agreed::PLAIN;
    for (name, _) in options.iter() {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        let number = |known: &str| options.number(known).ok_or(Failure::Options);
        if is("blksize") {
            let asked = config.blksize.ok_or(Failure::Options)?;
            let size = number("blksize")?;
            if !(8..=u64::from(asked)).contains(&size) {
                return Err(Failure::Options);
            }
            agreed.blksize = usize::try_from(size).map_err(|_| Failure::Options)?;
        } else if is("windowsize") {
            let asked = config.windowsize.ok_or(Failure::Options)?;
            agreed.window = number("windowsize")?;
            if !(1..=u64::from(asked)).contains(&agreed.window) {
                return Err(Failure::Options);
            }
        } else if is("tsize") && asked_size {
            agreed.size = Some(number("tsize")?);
        } else if !(is("timeout") && config.timeout_option.is_some()) {
            return Err(Failure::Options);
        }
    }
    Ok(agreed)
}
