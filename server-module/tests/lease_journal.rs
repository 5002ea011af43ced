//! No client holds an address that a power cut forgets: the log of leases, killed at every byte.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use bootcfg::HwAddr;
use bootcfg::dhcp::server::Lease;
use server_module::drive::dhcp::Journal as _;
use server_module::module::journal::{Log, Recovered};

fn lease(n: u8, secs: u64) -> Lease {
    let hw = HwAddr::ethernet([2, 0, 0, 0, 0, n]);
    Lease { address: Ipv4Addr::new(10, 1, 2, n), hw, expires_at: Duration::new(secs, 7) }
}

fn open(path: &Path) -> (Log, Recovered) {
    Log::open(path).unwrap()
}

/// A log of three synced leases, the first renewed, and the length after each sync.
fn written(path: &Path) -> (Vec<u8>, Vec<usize>) {
    let (mut log, empty) = open(path);
    assert_eq!(empty, Recovered::default());
    let mut lengths = vec![usize::try_from(std::fs::metadata(path).unwrap().len()).unwrap()];
    for (n, secs) in [(1, 100), (2, 200), (3, u64::MAX), (1, 300)] {
        log.append(&lease(n, secs), &[0, 1, n]).unwrap();
        log.sync().unwrap();
        lengths.push(usize::try_from(std::fs::metadata(path).unwrap().len()).unwrap());
    }
    (std::fs::read(path).unwrap(), lengths)
}

#[test]
fn leases_come_back_with_their_clients_and_the_last_word_counts() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("leases");
    written(&path);
    let (_, recovered) = open(&path);
    let expected = [(1, 300), (2, 200), (3, u64::MAX)].map(|(n, secs)| (lease(n, secs), vec![0, 1, n]));
    assert_eq!(recovered, Recovered { leases: expected.to_vec(), torn: 0 });
}

#[test]
fn cut_off_at_any_byte_the_log_holds_what_was_synced_before_and_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("leases");
    let (bytes, lengths) = written(&path);
    for cut in 0..=bytes.len() {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        let (mut log, recovered) = open(&path);
        let whole = lengths.iter().filter(|length| **length <= cut).count().saturating_sub(1);
        let addresses = recovered.leases.len();
        assert_eq!(addresses, whole.min(3), "cut at {cut}");
        assert_eq!(recovered.torn == 0, lengths.contains(&cut) || cut == 0, "cut at {cut}");
        log.append(&lease(9, 900), &[9]).unwrap();
        log.sync().unwrap();
        let (_, again) = open(&path);
        assert_eq!((again.leases.len(), again.torn), (addresses + 1, 0), "cut at {cut}");
    }
}

#[test]
fn a_flipped_bit_ends_the_log_there_and_forges_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("leases");
    let (bytes, lengths) = written(&path);
    let truth: Vec<_> = [(1, 100), (1, 300), (2, 200), (3, u64::MAX)].map(|(n, secs)| lease(n, secs)).into();
    for bit in lengths[0] * 8..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, &flipped).unwrap();
        let (_, recovered) = open(&path);
        assert!(
            recovered.torn > 0 && recovered.leases.iter().all(|(lease, _)| truth.contains(lease)),
            "bit {bit}"
        );
    }
}

#[test]
fn what_is_no_log_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("leases");
    std::fs::write(&path, "somebody's letter\n").unwrap();
    assert!(Log::open(&path).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), b"somebody's letter\n");
}

#[test]
fn a_log_of_renewals_does_not_grow_for_ever() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("leases");
    let (mut log, _) = open(&path);
    for n in 0..20_000 {
        log.append(&lease(1 + (n % 100) as u8, n), &[1]).unwrap();
        if n % 1000 == 999 {
            log.sync().unwrap();
        }
    }
    drop(log);
    let (_, recovered) = open(&path);
    assert_eq!((recovered.leases.len(), recovered.torn), (100, 0));
    assert!(recovered.leases.iter().all(|(lease, _)| lease.expires_at.as_secs() >= 19_900));
    assert!(std::fs::metadata(&path).unwrap().len() < 400_000);
}
