//! MIB texts: no text harms, and what is read resolves or says why not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snmp_mib::smi::Library;

fuzz_target!(|text: &str| {
    let mut library = Library::new();
    if let Err(error) = library.add(text) {
        assert!(error.line > 0 && error.column > 0);
        return;
    }
    let (names, _) = library.resolve();
    assert!(names.iter().all(|(_, _, oid)| names.name(oid).is_some()));
});
