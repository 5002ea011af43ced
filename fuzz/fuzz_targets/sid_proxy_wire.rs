#![no_main]
//! Parsers: nothing panics, and what was normalised once is its own normal form.

use libfuzzer_sys::fuzz_target;
use sid_proxy::wire::{chunk, head, host, path};

fuzz_target!(|data: &[u8]| {
    let (mut one, mut two) = ([0; 256], [0; 256]);
    if let Ok(authority) = host::Authority::parse(data, &mut one) {
        let again = host::Host::parse(authority.host.as_bytes(), &mut two).expect("a normal form is a host");
        assert_eq!(authority.host, again);
        assert_eq!(authority.host.parents().count() + 1, usize::from(again.labels()).max(1));
    }
    let readings = path::Readings::of(data);
    if readings.others.is_empty() && data.first() == Some(&b'/') {
        assert_eq!(path::Readings::of(&readings.strict).strict, readings.strict, "normalising twice changes nothing");
    }
    if let Some(prefix) = path::prefix(data) {
        assert_eq!(path::prefix(&prefix).unwrap_or_default(), prefix);
    }
    if let Ok(Some((_, len))) = chunk::line(data, 1024) {
        assert!(len <= data.len() && data[..len].ends_with(b"\r\n"));
        // Every cut of the line is judged only when it is whole.
        for cut in 0..len {
            assert_eq!(chunk::line(&data[..cut], 1024), Ok(None));
        }
    }
    let mut room = head::room();
    if let Ok(Some(request)) = head::Request::parse(data, &mut room, 100) {
        assert_eq!(head::end(data, 0), Some(request.len));
        assert!(!data[..request.len].contains(&0));
    }
    let mut room = head::room();
    if let Ok(Some(response)) = head::Response::parse(data, &mut room, 100) {
        assert!(response.len <= data.len() && response.status >= 100);
    }
});
