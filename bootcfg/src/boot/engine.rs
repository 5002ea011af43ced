//! The three verbs of the boot machine.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;

use super::{Config, Download, Event, Failure, Input, Output};
use crate::card::{Manifest, digest};
use crate::dhcp::{self, Destination};
use crate::tftp;
use crate::wire::dhcp::OptionCode;
use crate::wire::tftp::FileName;

/// A card that boots, and then keeps its lease.
#[derive(Clone, Debug, PartialEq)]
pub struct Boot {
    config: Config,
    dhcp: dhcp::Client,
    phase: Phase,
    /// Where downloads come from, once there is a lease: the server and the tree's path.
    source: Option<(Ipv4Addr, String)>,
    manifest: Manifest,
    files: Vec<(String, Vec<u8>)>,
    next_download: u64,
    failures: u32,
    now: Duration,
    queue: VecDeque<Item>,
    lent: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq)]
enum Phase {
    /// No address yet.
    Dhcp,
    /// A file is being loaded: the manifest, or the manifest's file of this index.
    Loading { file: Option<usize>, download: Download, client: Box<tftp::Client>, content: Vec<u8> },
    /// Something failed; the manifest is asked for again.
    Waiting { until: Duration },
    /// Everything is here.
    Ready,
}

use alloc::boxed::Box;

#[derive(Clone, Debug, PartialEq)]
enum Item {
    SendDhcp(Destination, Ipv4Addr, Vec<u8>),
    Probe(Ipv4Addr),
    SendTftp(Download, SocketAddr, Vec<u8>),
    Close(Download),
    Event(Event),
}

/// Waiting outputs past which nothing is taken.
const MAX_OUTPUTS: usize = 64;

impl Boot {
    /// Begins at `now`.
    pub fn new(config: Config, now: Duration) -> Self {
        let dhcp = dhcp::Client::new(config.dhcp.clone(), now);
        Self {
            config,
            dhcp,
            phase: Phase::Dhcp,
            source: None,
            manifest: Manifest::default(),
            files: Vec::new(),
            next_download: 1,
            failures: 0,
            now,
            queue: VecDeque::new(),
            lent: Vec::new(),
        }
    }

    /// Tells the machine what happened at `now`.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) -> Result<(), Error> {
        if self.queue.len() >= MAX_OUTPUTS {
            return Err(Error::Full);
        }
        self.now = self.now.max(now);
        let dhcp = match input {
            Input::Dhcp(bytes) => Some(dhcp::client::Input::Datagram(bytes)),
            Input::Probed { address, in_use } => Some(dhcp::client::Input::Probed { address, in_use }),
            Input::LinkUp => Some(dhcp::client::Input::LinkUp),
            Input::Release => Some(dhcp::client::Input::Release),
            Input::Tftp { download, from, bytes } => {
                self.tftp(Some(download), tftp::client::Input::Datagram { from, bytes });
                None
            }
            Input::Refresh => {
                if self.phase == Phase::Ready {
                    self.load(None);
                }
                None
            }
            Input::Tick => {
                self.tftp(None, tftp::client::Input::Tick);
                None
            }
        };
        // The client drains at once, so that it is never full.
        _ = self.dhcp.handle(self.now, dhcp.unwrap_or(dhcp::client::Input::Tick));
        self.drain_dhcp();
        if let Phase::Waiting { until } = self.phase
            && until <= self.now
        {
            self.load(None);
        }
        Ok(())
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        Some(match self.queue.pop_front()? {
            Item::SendDhcp(to, from, bytes) => {
                self.lent = bytes;
                Output::SendDhcp { to, from, bytes: &self.lent }
            }
            Item::Probe(address) => Output::Probe { address },
            Item::SendTftp(download, to, bytes) => {
                self.lent = bytes;
                Output::SendTftp { download, to, bytes: &self.lent }
            }
            Item::Close(download) => Output::Close(download),
            Item::Event(event) => Output::Event(event),
        })
    }

    /// When [`Input::Tick`] is next due.
    pub fn deadline(&self) -> Option<Duration> {
        if !self.queue.is_empty() {
            return Some(Duration::ZERO);
        }
        let own = match &self.phase {
            Phase::Loading { client, .. } => client.deadline(),
            Phase::Waiting { until } => Some(*until),
            Phase::Dhcp | Phase::Ready => None,
        };
        [own, self.dhcp.deadline()].into_iter().flatten().min()
    }

    /// The lease in use.
    pub fn lease(&self) -> Option<&dhcp::client::Lease> {
        self.dhcp.lease()
    }

    /// The path of the card's tree, as the server named it.
    pub fn tree(&self) -> Option<&str> {
        self.source.as_ref().map(|(_, tree)| tree.as_str())
    }

    /// Whether every file of the manifest is here.
    pub fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }

    /// The files, as far as they are here: name and content.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(name, content)| (name.as_str(), content.as_slice()))
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The packages that the manifest wants in another version than the card has: `version_of` tells which it has.
    pub fn outdated<'a>(
        &'a self,
        version_of: impl Fn(&str) -> Option<&'a str>,
    ) -> impl Iterator<Item = (&'a str, &'a str, &'a [u8; 32])> {
        self.manifest.wants().filter(move |(package, version, _)| version_of(package) != Some(*version))
    }

    fn drain_dhcp(&mut self) {
        let mut configured = None;
        while let Some(output) = self.dhcp.poll_output() {
            let item = match output {
                dhcp::client::Output::Send { to, from, bytes } => Item::SendDhcp(to, from, bytes.to_vec()),
                dhcp::client::Output::Probe { address } => Item::Probe(address),
                dhcp::client::Output::Event(event) => {
                    match &event {
                        dhcp::client::Event::Configured(lease) => configured = Some(Some(lease.clone())),
                        dhcp::client::Event::Lost { .. } => configured = Some(None),
                        _ => {}
                    }
                    Item::Event(Event::Dhcp(event))
                }
            };
            self.queue.push_back(item);
        }
        match configured {
            Some(Some(lease)) => self.configured(&lease),
            Some(None) => {
                self.close();
                self.source = None;
                self.phase = Phase::Dhcp;
            }
            None => {}
        }
    }

    fn configured(&mut self, lease: &dhcp::client::Lease) {
        self.close();
        let named = lease.option(OptionCode::TFTP_SERVERS).and_then(|list| list.first_chunk::<4>().copied());
        let server = named.map_or(lease.next_server, Ipv4Addr::from);
        let server = if server.is_unspecified() { lease.server } else { server };
        match &lease.path_prefix {
            Some(tree) => {
                self.source = Some((server, tree.clone()));
                self.load(None);
            }
            None => {
                self.source = None;
                self.fail(String::from("manifest"), Failure::NoTree);
            }
        }
    }

    /// Begins to load the manifest, or its file of this index.
    fn load(&mut self, file: Option<usize>) {
        let name = match file {
            None => Some(String::from("manifest")),
            Some(index) => self.manifest.files().nth(index).map(|(name, _, _)| name.to_string()),
        };
        let Some(name) = name else {
            self.phase = Phase::Ready;
            self.failures = 0;
            self.queue.push_back(Item::Event(Event::Ready));
            return;
        };
        let Some((server, tree)) = &self.source else {
            // Without a lease there is nothing to ask; DHCP leads back here.
            self.phase = Phase::Dhcp;
            return;
        };
        let path = FileName::parse([tree.as_bytes(), name.as_bytes()].concat().as_slice());
        let server = SocketAddr::new(IpAddr::V4(*server), self.config.tftp_port);
        let room = self.config.max_octets.saturating_sub(self.octets());
        let config =
            tftp::client::Config { max_size: room.min(self.config.tftp.max_size), ..self.config.tftp };
        let client = path.ok().and_then(|path| tftp::Client::get(config, &path, server, self.now));
        let Some(client) = client else { return self.fail(name, Failure::Name) };
        let download = Download(self.next_download);
        self.next_download = self.next_download.saturating_add(1);
        self.phase = Phase::Loading { file, download, client: Box::new(client), content: Vec::new() };
        self.drain_tftp();
    }

    fn tftp(&mut self, named: Option<Download>, input: tftp::client::Input<'_>) {
        let Phase::Loading { download, client, .. } = &mut self.phase else { return };
        if named.is_some_and(|named| named != *download) {
            return;
        }
        // The client drains at once, so that it is never full.
        _ = client.handle(self.now, input);
        self.drain_tftp();
    }

    fn drain_tftp(&mut self) {
        let Phase::Loading { download, client, content, .. } = &mut self.phase else { return };
        let mut ended = None;
        while let Some(output) = client.poll_output() {
            match output {
                tftp::client::Output::Send { to, bytes } => {
                    self.queue.push_back(Item::SendTftp(*download, to, bytes.to_vec()));
                }
                tftp::client::Output::Write { bytes, .. } => content.extend_from_slice(bytes),
                tftp::client::Output::Event(tftp::client::Event::Done { .. }) => ended = Some(Ok(())),
                tftp::client::Output::Event(tftp::client::Event::Failed(failure)) => {
                    ended = Some(Err(failure));
                }
                tftp::client::Output::Event(_) => {}
            }
        }
        if let Some(ended) = ended {
            self.loaded(ended);
        }
    }

    fn loaded(&mut self, ended: Result<(), tftp::client::Failure>) {
        let Phase::Loading { file, download, content, .. } = core::mem::replace(&mut self.phase, Phase::Dhcp)
        else {
            return;
        };
        self.queue.push_back(Item::Close(download));
        let entry = file.and_then(|index| self.manifest.files().nth(index));
        let name = entry.map_or(String::from("manifest"), |(name, _, _)| name.to_string());
        if let Err(failure) = ended {
            return self.fail(name, Failure::Tftp(failure));
        }
        let Some((_, size, sha256)) = entry else { return self.read_manifest(&content) };
        if u64::try_from(content.len()) != Ok(size) || digest(&content) != *sha256 {
            return self.fail(name, Failure::Digest);
        }
        self.queue.push_back(Item::Event(Event::File { name: name.clone(), octets: size }));
        self.files.push((name, content));
        self.load(file.map(|index| index.saturating_add(1)));
    }

    fn read_manifest(&mut self, content: &[u8]) {
        let text = core::str::from_utf8(content).map_err(|_| crate::card::ManifestError { line: 1 });
        let manifest = match text.and_then(Manifest::parse) {
            Ok(manifest) => manifest,
            Err(error) => return self.fail(String::from("manifest"), Failure::Manifest(error)),
        };
        let octets = manifest.files().fold(0_u64, |sum, (_, size, _)| sum.saturating_add(size));
        if manifest.files().count() > self.config.max_files || octets > self.config.max_octets {
            return self.fail(String::from("manifest"), Failure::TooMuch);
        }
        self.manifest = manifest;
        self.files.clear();
        self.load(Some(0));
    }

    fn fail(&mut self, name: String, failure: Failure) {
        self.queue.push_back(Item::Event(Event::Failed { name, failure }));
        // 1 s, 2 s, 4 s … 64 s: a server that is away finds its cards patient.
        let wait = 1_u64.checked_shl(self.failures.min(6)).unwrap_or(64);
        self.failures = self.failures.saturating_add(1);
        self.phase = Phase::Waiting { until: self.now.saturating_add(Duration::from_secs(wait)) };
    }

    fn close(&mut self) {
        if let Phase::Loading { download, .. } = &self.phase {
            self.queue.push_back(Item::Close(*download));
        }
    }

    fn octets(&self) -> u64 {
        self.files
            .iter()
            .fold(0, |sum, (_, content)| sum.saturating_add(u64::try_from(content.len()).unwrap_or(u64::MAX)))
    }
}

/// Why an input was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Too many outputs wait. Drain first.
    #[error("too many outputs wait to be drained")]
    Full,
}
