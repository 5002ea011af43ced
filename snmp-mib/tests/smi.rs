//! MIB modules as they are written, beside libsmi's smidump and mib-rs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::{collections::BTreeMap, env, fs, path::PathBuf, process::Command};

use proptest::prelude::*;
use snmp_mib::mib::text;
use snmp_mib::mibs::cabinet::{ENTERPRISE, MODULE};
use snmp_mib::oid;
use snmp_mib::smi::{Base, Kind, Library, Value, parse};
use support::{needs, skip};

const EXAMPLE: &str = r#"
EX-MIB DEFINITIONS ::= BEGIN -- a comment -- and more of it
------------------------------------------------------------
EXPORTS everything;
IMPORTS
    MODULE-IDENTITY, OBJECT-TYPE, enterprises FROM SNMPv2-SMI
    TEXTUAL-CONVENTION FROM SNMPv2-TC;

SOME MACRO ::= BEGIN TYPE NOTATION ::= "x" VALUE NOTATION ::= value (VALUE OBJECT IDENTIFIER) END

exMib MODULE-IDENTITY
    LAST-UPDATED "202601010000Z" ORGANIZATION "an example" CONTACT-INFO "nobody"
    DESCRIPTION "It is."
    REVISION "202601010000Z" DESCRIPTION "the first"
    ::= { enterprises example(32473) 7 }

ExState ::= TEXTUAL-CONVENTION
    DISPLAY-HINT "d" STATUS current DESCRIPTION "A state."
    SYNTAX INTEGER { off(1), on(2), half-on(-3) }

exTable OBJECT-TYPE
    SYNTAX SEQUENCE OF ExEntry MAX-ACCESS not-accessible STATUS current DESCRIPTION "Rows." ::= { exMib 1 }
exEntry OBJECT-TYPE
    SYNTAX ExEntry MAX-ACCESS not-accessible STATUS current DESCRIPTION "A row."
    INDEX { exName, IMPLIED exText } ::= { exTable 1 }
ExEntry ::= SEQUENCE { exName Unsigned32, exText OCTET STRING }
exName OBJECT-TYPE
    SYNTAX Unsigned32 (0..10 | 'ff'H | 4294967295)
    UNITS "things" MAX-ACCESS read-create STATUS current DESCRIPTION "A number."
    DEFVAL { 5 } ::= { exEntry 1 }
exText OBJECT-TYPE
    SYNTAX OCTET STRING (SIZE (0..255)) MAX-ACCESS not-accessible STATUS current DESCRIPTION "" ::= { exEntry 2 }
exEvent NOTIFICATION-TYPE OBJECTS { exName, exText } STATUS current DESCRIPTION "x" ::= { exMib 0 1 }
exCompliance MODULE-COMPLIANCE STATUS current DESCRIPTION "what it takes"
    MODULE -- this one
        MANDATORY-GROUPS { exGroup }
        OBJECT exName SYNTAX Unsigned32 (0..5) MIN-ACCESS read-only DESCRIPTION "less will do"
    ::= { exMib 3 }
exTrap TRAP-TYPE ENTERPRISE exMib VARIABLES { exName } DESCRIPTION "old" ::= 9
END
"#;

#[test]
fn a_module_is_read_with_all_that_it_says() {
    let module = &parse(EXAMPLE).unwrap()[0];
    assert_eq!((module.name, module.imports.len(), module.definitions.len()), ("EX-MIB", 2, 10));
    let find = |name: &str| module.definitions.iter().find(|own| own.name == name).unwrap();
    assert_eq!(find("exMib").clauses.last_updated, "202601010000Z");
    assert_eq!(find("exMib").clauses.description, "It is.");
    let state = find("ExState");
    assert_eq!((state.kind, state.line), (Kind::TextualConvention, 17));
    assert_eq!(state.clauses.syntax.as_ref().unwrap().labels, [("off", 1), ("on", 2), ("half-on", -3)]);
    let entry = &find("exEntry").clauses.index;
    assert_eq!(
        [(entry[0].name, entry[0].implied), (entry[1].name, entry[1].implied)],
        [("exName", false), ("exText", true)]
    );
    let name = find("exName");
    assert_eq!((name.clauses.units, name.clauses.access), ("things", "read-create"));
    assert_eq!(
        name.clauses.syntax.as_ref().unwrap().ranges,
        [(0, 10), (255, 255), (4_294_967_295, 4_294_967_295)]
    );
    let text = find("exText").clauses.syntax.as_ref().unwrap();
    assert!(text.sized && text.base == Base::Named("OCTET STRING"));
    assert_eq!(find("exEvent").clauses.objects, ["exName", "exText"]);
    assert_eq!(
        (&find("exCompliance").clauses.syntax, find("exCompliance").clauses.description),
        (&None, "what it takes")
    );
    assert_eq!(find("exTrap").value, Value::Number(9));
}

#[test]
fn names_are_found_across_modules_and_back() {
    let other = "OTHER-MIB DEFINITIONS ::= BEGIN IMPORTS exMib FROM EX-MIB; below OBJECT IDENTIFIER ::= { exMib 40 } \
                 lost OBJECT IDENTIFIER ::= { nowhere 1 } round OBJECT IDENTIFIER ::= { round 1 } END";
    let mut library = Library::new();
    library.add(other).unwrap();
    library.add(EXAMPLE).unwrap();
    let (names, unresolved) = library.resolve();
    let lost: Vec<String> = unresolved.iter().map(ToString::to_string).collect();
    assert_eq!(lost.len(), 2);
    assert_eq!(lost[0], "OTHER-MIB, line 1: lost stands below nowhere, which is unknown");
    assert_eq!(names.oid("OTHER-MIB", "below"), Some(oid!(1, 3, 6, 1, 4, 1, 32473, 7, 40)));
    assert_eq!(names.find("exName"), Some(oid!(1, 3, 6, 1, 4, 1, 32473, 7, 1, 1, 1)));
    assert_eq!(names.oid("EX-MIB", "exTrap"), Some(oid!(1, 3, 6, 1, 4, 1, 32473, 7, 0, 9)));
    let (module, name, index) = names.name(oid!(1, 3, 6, 1, 4, 1, 32473, 7, 1, 1, 1, 5, 300)).unwrap();
    assert_eq!((module, name, index.collect::<Vec<_>>()), ("EX-MIB", "exName", vec![5, 300]));
    assert_eq!(names.name(oid!(1, 3, 6, 1, 4, 1, 32473, 7, 39, 1)).map(|(_, name, _)| name), Some("exMib"));
    assert_eq!(names.name(oid!(1, 3, 6, 1, 4, 1, 9)), None);
}

#[test]
fn errors_say_line_column_and_what_was_expected() {
    for (text, told) in [
        (
            "EX DEFINITIONS ::= BEGIN\n  x OBJECT IDENTIFIER ::= { y }\n  z ::=\nEND",
            "line 4, column 4: a name is expected, the end is found",
        ),
        ("EX DEFINITIONS ::=\n  START", "line 2, column 3: BEGIN is expected, START is found"),
        (
            "EX DEFINITIONS ::= BEGIN a OBJECT-KIND",
            "line 1, column 28: ::=, OBJECT IDENTIFIER or the name of a macro is expected, OBJECT-KIND is found",
        ),
        (
            "EX DEFINITIONS ::= BEGIN a OBJECT-TYPE\n DESCRIPTION \"no end",
            "line 2, column 14: a closing quotation mark is expected, \" is found",
        ),
        (
            "EX DEFINITIONS ::= BEGIN a OBJECT IDENTIFIER ::= { b 4294967296 } END",
            "line 1, column 54: a number below 2^32 is expected, 4294967296 is found",
        ),
        ("", "line 1, column 1: a name is expected, the end is found"),
    ] {
        let error = parse(text).map(drop).map_err(|error| error.to_string());
        assert_eq!(error, Err(told.into()), "{text}");
    }
}

/// Modules of this machine: those that mib-rs carries, those of net-snmp, and any in SMIPATH.
fn texts() -> BTreeMap<PathBuf, String> {
    let mut places: Vec<PathBuf> = vec!["/usr/share/mibs/ietf".into(), "/usr/share/snmp/mibs".into()];
    places.extend(env::var_os("SMIPATH").iter().flat_map(env::split_paths));
    let metadata =
        Command::new(env!("CARGO")).args(["metadata", "--offline", "--format-version", "1"]).output();
    let metadata =
        metadata.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let own = metadata.split('"').find(|word| word.contains("/mib-rs-") && word.ends_with("/Cargo.toml"));
    places.extend(own.map(|manifest| PathBuf::from(manifest).with_file_name("src/lower/embedded")));
    let mut texts = BTreeMap::new();
    for entry in places.iter().filter_map(|place| fs::read_dir(place).ok()).flatten().flatten() {
        let bytes = fs::read(entry.path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if text.contains("DEFINITIONS") && text.contains("BEGIN") && entry.file_name() != "README.md" {
            texts.insert(entry.path(), text);
        }
    }
    texts
}

#[test]
fn every_module_of_this_machine_is_read_and_resolved() {
    let texts = texts();
    if texts.len() < 5 {
        return skip("MIB modules");
    }
    let mut library = Library::new();
    for (path, text) in &texts {
        library.add(text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    let (names, unresolved) = library.resolve();
    // What imports a module that is not here cannot be resolved; everything else is.
    for lost in unresolved {
        let module = library.module(lost.module).unwrap();
        let imports = |name| {
            module.imports.iter().find(|import| import.names.contains(&name)).map(|import| import.module)
        };
        let stray = imports(lost.missing).is_some_and(|from| library.module(from).is_none());
        assert!(stray, "{lost}");
    }
    assert!(names.iter().count() > 100);
}

#[test]
fn smidump_finds_the_same_identifiers() {
    if !needs("smidump") {
        return;
    }
    let texts = texts();
    let mut library = Library::new();
    texts.values().for_each(|text| library.add(text).unwrap());
    let (names, _) = library.resolve();
    let mut places: Vec<PathBuf> = texts.keys().filter_map(|path| path.parent().map(Into::into)).collect();
    places.dedup();
    let path = env::join_paths(places).unwrap();
    let mut compared = 0;
    for file in texts.keys() {
        let output = Command::new("smidump")
            .env("SMIPATH", &path)
            .args(["-k", "-f", "identifiers"])
            .arg(file)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if text.contains("may be incorrect") {
            // smidump lacks something that the module imports.
            continue;
        }
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [module, name, _, oid] = words[..] else { continue };
            // libsmi numbers nodes without a name by themselves, and marks the end of a notification's number.
            let Some(own) = names.oid(module, name) else {
                panic!("{module} {name} is not found, smidump has {oid}");
            };
            assert_eq!(own.to_string(), oid, "{module} {name}");
            compared += 1;
        }
    }
    println!("{compared} identifiers are those of smidump");
    assert!(compared > 0, "nothing was compared");
}

#[test]
fn mib_rs_finds_the_same_identifiers() {
    let own = text::write(&MODULE, ENTERPRISE, ENTERPRISE);
    let mut library = Library::new();
    library.add(&own).unwrap();
    let (names, unresolved) = library.resolve();
    assert!(unresolved.is_empty(), "{unresolved:?}");
    let source = mib_rs::source::memory(MODULE.name, own.clone());
    let theirs = mib_rs::Loader::new().source(source).modules([MODULE.name]).load().unwrap();
    assert!(names.iter().count() > 20);
    for (_, name, oid) in names.iter() {
        assert_eq!(theirs.resolve_oid(name).unwrap().to_string(), oid.to_string(), "{name}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(cut in any::<prop::sample::Index>(), with in ".{0,8}", more in any::<prop::sample::Index>()) {
        let at = cut.index(EXAMPLE.len());
        let behind = at + more.index(EXAMPLE.len() - at + 1).min(40);
        let text = format!("{}{with}{}", &EXAMPLE[..at], EXAMPLE.get(behind..).unwrap_or(""));
        let mut library = Library::new();
        if library.add(&text).is_ok() {
            let (names, _) = library.resolve();
            prop_assert!(names.iter().all(|(_, _, oid)| names.name(oid).is_some()));
        }
    }
}
