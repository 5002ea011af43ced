//! Leases on disk: an append-only log that comes back after a power cut at any byte.
//!
//! The file is a heading and records, each `length u16 | CRC-32 u32 | body`. A record is the whole truth about one
//! address; the last one counts. What a power cut left half-written fails its length or checksum: reading stops there
//! and the tail is cut off, and nothing was promised by it, since replies wait for [`Journal::sync`]. When most
//! records are outdated the log is written anew beside the old one and takes its place by a rename.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bootcfg::HwAddr;
use bootcfg::dhcp::server::Lease;

use crate::drive::dhcp::Journal;

const HEADING: &[u8] = b"server-module leases 1\n";
/// Outdated records past which the log is written anew, unless the living ones are more.
const SLACK: usize = 4096;

/// A log of leases in a file.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
    /// The last body of every address.
    living: BTreeMap<Ipv4Addr, Vec<u8>>,
    records: usize,
    pending: Vec<u8>,
}

/// What a log held when it was opened.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Every lease with its client's name.
    pub leases: Vec<(Lease, Vec<u8>)>,
    /// The octets cut off behind the last whole record.
    pub torn: u64,
}

impl Log {
    /// Opens or begins the log at `path`.
    pub fn open(path: &Path) -> io::Result<(Self, Recovered)> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut living = BTreeMap::new();
        let mut records = 0;
        // A heading that is not whole was never followed by a promise.
        let mut rest = match bytes.strip_prefix(HEADING) {
            Some(rest) => rest,
            None if HEADING.starts_with(&bytes) => &[],
            None => return Err(io::Error::new(io::ErrorKind::InvalidData, "not a log of leases")),
        };
        while let Some((body, tail)) = record(rest) {
            let Some((lease, _)) = decode(body) else { break };
            living.insert(lease.address, body.to_vec());
            records += 1;
            rest = tail;
        }
        let headed = bytes.len() >= HEADING.len();
        let whole = if headed { bytes.len() - rest.len() } else { 0 };
        let torn = (bytes.len() - whole) as u64;
        if torn > 0 || !headed {
            file.set_len(whole as u64)?;
            file.seek(SeekFrom::Start(whole as u64))?;
            if !headed {
                file.write_all(HEADING)?;
            }
            file.sync_all()?;
        }
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            File::open(parent)?.sync_all()?;
        }
        let leases = living.values().filter_map(|body| decode(body)).collect();
        let log = Self { path: path.to_path_buf(), file, living, records, pending: Vec::new() };
        Ok((log, Recovered { leases, torn }))
    }

    /// Writes the living records into a new file, which takes the place of the old one in one step.
    fn renew(&mut self) -> io::Result<()> {
        let beside = self.path.with_extension("new");
        let mut file = File::create(&beside)?;
        let mut bytes = HEADING.to_vec();
        for body in self.living.values() {
            frame(body, &mut bytes);
        }
        file.write_all(&bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, &self.path)?;
        if let Some(parent) = self.path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            File::open(parent)?.sync_all()?;
        }
        self.file = file;
        self.records = self.living.len();
        Ok(())
    }
}

impl Journal for Log {
    fn append(&mut self, lease: &Lease, client: &[u8]) -> io::Result<()> {
        let body = encode(lease, client);
        frame(&body, &mut self.pending);
        self.living.insert(lease.address, body);
        self.records += 1;
        Ok(())
    }

    /// One write and one sync for everything noted, however many replies wait for it.
    fn sync(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.file.write_all(&self.pending)?;
        self.pending.clear();
        if self.records > self.living.len().saturating_mul(2).saturating_add(SLACK) {
            return self.renew();
        }
        self.file.sync_data()
    }
}

fn frame(body: &[u8], out: &mut Vec<u8>) {
    let len = u16::try_from(body.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(&crc32(body).to_be_bytes());
    out.extend_from_slice(body);
}

/// The first record's body and what follows, if it is whole.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<2>()?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let (body, tail) = rest.split_at_checked(u16::from_be_bytes(*len).into())?;
    (crc32(body) == u32::from_be_bytes(*sum)).then_some((body, tail))
}

fn encode(lease: &Lease, client: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(34 + client.len());
    body.extend_from_slice(&lease.expires_at.as_secs().to_be_bytes());
    body.extend_from_slice(&lease.expires_at.subsec_nanos().to_be_bytes());
    body.extend_from_slice(&lease.address.octets());
    body.extend_from_slice(&[lease.hw.htype(), lease.hw.hlen()]);
    body.extend_from_slice(lease.hw.chaddr());
    body.extend_from_slice(client);
    body
}

fn decode(body: &[u8]) -> Option<(Lease, Vec<u8>)> {
    let (secs, rest) = body.split_first_chunk::<8>()?;
    let (nanos, rest) = rest.split_first_chunk::<4>()?;
    let (address, rest) = rest.split_first_chunk::<4>()?;
    let (&[htype, hlen], rest) = rest.split_first_chunk::<2>()?;
    let (chaddr, client) = rest.split_first_chunk::<16>()?;
    let nanos = u32::from_be_bytes(*nanos);
    if nanos >= 1_000_000_000 {
        return None;
    }
    let lease = Lease {
        address: Ipv4Addr::from(*address),
        hw: HwAddr::new(htype, chaddr.get(..hlen.into())?)?,
        expires_at: Duration::new(u64::from_be_bytes(*secs), nanos),
    };
    Some((lease, client.to_vec()))
}

/// CRC-32 (IEEE 802.3), bit by bit: a record has some fifty octets.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}
