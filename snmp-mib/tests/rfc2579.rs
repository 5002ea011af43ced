//! RFC 2579, the textual conventions that act: RowStatus, StorageType, TestAndIncr; and the atomicity of SET.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;
use snmp_mib::agent::{Agent, Community, Config};
use snmp_mib::mib::{
    Absent, Cursor, Edit, IndexReader, Mib, MibTable, Node, Refusal, RowStatus, Skip, StorageType, Table,
    Type,
};
use snmp_mib::wire::{Arcs, ErrorStatus, Oid, Value};
use support::talk::{Ask, oid};

const ENTRY: &str = "1.3.6.1.4.1.32473.8.1";

/// A row that managers create: it must have a size, and a size over 100 is not consistent with the label "small".
#[derive(Clone, Debug, PartialEq, MibTable)]
#[mib(name = "exRowTable", oid = "1.3.6.1.4.1.32473.8", index(number), create = Row::of, check = Row::consistent)]
struct Row {
    #[mib(1, range(1, 9))]
    number: u32,
    #[mib(2, read_create)]
    label: String,
    #[mib(3, read_create, range(0, 1000))]
    size: Option<i32>,
    #[mib(4, read_create)]
    storage: StorageType,
    #[mib(5, read_create)]
    status: RowStatus,
}

impl Row {
    fn of(mut index: IndexReader<'_>) -> Option<Self> {
        let number = index.part().filter(|n| (1..=9).contains(n))?;
        index.is_empty().then_some(Self {
            number,
            label: String::new(),
            size: None,
            storage: StorageType::Volatile,
            status: RowStatus::NotReady,
        })
    }

    fn consistent(&self, _before: Option<&Self>) -> Result<(), ErrorStatus> {
        match self.size {
            Some(size) if size > 100 && self.label == "small" => Err(ErrorStatus::INCONSISTENT_VALUE),
            _ => Ok(()),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Mib)]
struct Rows {
    rows: Table<Row>,
}

fn agent() -> Agent<Rows> {
    let config = Config { communities: vec![Community::write("private")], ..Config::default() };
    Agent::new(Duration::ZERO, config, Rows { rows: Table::new() }).unwrap()
}

/// One binding of a request.
#[derive(Clone, Debug)]
enum Write {
    Label(bool),
    Size(i32),
    Storage(i32),
    Status(i32),
}

impl Write {
    fn column(&self) -> u32 {
        match self {
            Self::Label(_) => 2,
            Self::Size(_) => 3,
            Self::Storage(_) => 4,
            Self::Status(_) => 5,
        }
    }

    fn value(&self) -> Value<'_> {
        match self {
            Self::Label(small) => Value::Octets(if *small { b"small" } else { b"large" }),
            Self::Size(n) | Self::Storage(n) | Self::Status(n) => Value::Integer(*n),
        }
    }
}

fn any_request() -> impl Strategy<Value = Vec<(u32, Write)>> {
    let write = prop_oneof![
        any::<bool>().prop_map(Write::Label),
        prop_oneof![Just(5), Just(500), Just(5_000)].prop_map(Write::Size),
        (1..6_i32).prop_map(Write::Storage),
        (0..7_i32).prop_map(Write::Status),
    ];
    // One write to a column of a row: the same variable twice is another test.
    proptest::collection::vec((1..3_u32, write), 1..5).prop_map(|mut writes| {
        let mut seen = std::collections::BTreeSet::new();
        writes.retain(|(row, write)| seen.insert((*row, write.column())));
        writes
    })
}

/// The conceptual row as RFC 2579 speaks of it, written apart from the engine.
#[derive(Clone, Debug, PartialEq)]
struct Conceptual {
    small: bool,
    size: Option<i32>,
    storage: i32,
    status: i32,
}

type Model = BTreeMap<u32, Conceptual>;

/// The state after the request, or `None` where it must be refused.
fn expect(model: &Model, request: &[(u32, Write)]) -> Option<Model> {
    let mut after = model.clone();
    for row in request.iter().map(|(row, _)| *row).collect::<std::collections::BTreeSet<_>>() {
        let own: Vec<&Write> = request.iter().filter(|(r, _)| *r == row).map(|(_, write)| write).collect();
        let before = model.get(&row);
        let mut next =
            before.cloned().unwrap_or(Conceptual { small: false, size: None, storage: 2, status: 0 });
        let mut wanted = None;
        let mut columns = false;
        for write in own {
            columns |= !matches!(write, Write::Status(_));
            match write {
                Write::Status(1 | 2 | 4 | 5 | 6) => wanted = Some(write.value()),
                Write::Status(_) => return None,
                Write::Size(n) if *n <= 1_000 => next.size = Some(*n),
                Write::Size(_) => return None,
                Write::Label(small) => next.small = *small,
                // permanent and readOnly are neither given nor taken.
                Write::Storage(n) if *n >= 4 && next.storage != *n => return None,
                Write::Storage(n) => next.storage = *n,
            }
        }
        if columns && before.is_some_and(|row| row.storage == 5) {
            return None;
        }
        let complete = next.size.is_some();
        let consistent = !(next.small && next.size.is_some_and(|size| size > 100));
        next.status = match (before.map(|row| row.status), wanted) {
            (_, Some(Value::Integer(6))) => {
                after.remove(&row);
                continue;
            }
            (None, Some(Value::Integer(4))) if complete => 1,
            (None, Some(Value::Integer(5))) => {
                if complete {
                    2
                } else {
                    3
                }
            }
            (Some(_), Some(Value::Integer(1))) if complete => 1,
            (Some(_), Some(Value::Integer(2))) if complete => 2,
            (Some(1), None) if complete => 1,
            (Some(2 | 3), None) => {
                if complete {
                    2
                } else {
                    3
                }
            }
            _ => return None,
        };
        if !consistent {
            return None;
        }
        after.insert(row, next);
    }
    Some(after)
}

fn served(agent: &Agent<Rows>) -> Model {
    let rows = agent.mib().rows.iter().map(|row| {
        let number = |value: Option<Value<'_>>| match value {
            Some(Value::Integer(n)) => n,
            other => panic!("{other:?}"),
        };
        let (storage, status) = (number(row.storage.value()), number(row.status.value()));
        (row.number, Conceptual { small: row.label == "small", size: row.size, storage, status })
    });
    rows.collect()
}

fn ask(request: &[(u32, Write)]) -> Ask {
    let mut ask = Ask::set(&[]);
    for (row, write) in request {
        ask.bindings.push(oid(&format!("{ENTRY}.{}.{row}", write.column())).as_oid(), write.value());
    }
    ask
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn row_status_follows_the_model_in_every_state_and_order(
        requests in proptest::collection::vec(any_request(), 1..20),
        turn in 0..4_usize,
    ) {
        let mut agent = agent();
        let mut model = Model::new();
        for request in &requests {
            // The order of the bindings must not matter.
            let mut other = request.clone();
            other.rotate_left(turn % request.len());
            other.reverse();
            let mut twin = agent.clone();
            let expected = expect(&model, request);
            let one = ask(request).of(&mut agent);
            let two = ask(&other).of(&mut twin);
            prop_assert_eq!(one.status == ErrorStatus::NO_ERROR, expected.is_some(), "{:?} {:?}", request, one);
            prop_assert_eq!(two.status == ErrorStatus::NO_ERROR, expected.is_some());
            model = expected.unwrap_or(model);
            prop_assert_eq!(served(&agent), model.clone());
            prop_assert_eq!(served(&twin), model.clone());
        }
    }
}

#[test]
fn row_status_create_and_go_needs_the_whole_row() {
    let mut agent = agent();
    ask(&[(1, Write::Status(4))]).of(&mut agent).failed(ErrorStatus::INCONSISTENT_VALUE, 1);
    ask(&[(1, Write::Size(5))]).of(&mut agent).failed(ErrorStatus::INCONSISTENT_NAME, 1);
    ask(&[(1, Write::Size(5)), (1, Write::Status(4))]).of(&mut agent).good();
    assert_eq!(agent.mib().rows.iter().next().unwrap().status, RowStatus::Active);
}

#[test]
fn row_status_create_and_wait_is_not_ready_until_it_is_whole() {
    let mut agent = agent();
    let status =
        |agent: &mut Agent<Rows>| match Ask::get(&[&format!("{ENTRY}.5.1")]).by("private").of(agent).value(0)
        {
            Value::Integer(n) => n,
            other => panic!("{other:?}"),
        };
    ask(&[(1, Write::Status(5))]).of(&mut agent).good();
    assert_eq!(status(&mut agent), 3);
    ask(&[(1, Write::Status(1))]).of(&mut agent).failed(ErrorStatus::INCONSISTENT_VALUE, 1);
    ask(&[(1, Write::Size(7))]).of(&mut agent).good();
    assert_eq!(status(&mut agent), 2);
    ask(&[(1, Write::Status(1))]).of(&mut agent).good();
    ask(&[(1, Write::Status(6))]).of(&mut agent).good();
    assert!(agent.mib().rows.is_empty());
}

#[test]
fn row_status_not_ready_is_never_written() {
    ask(&[(1, Write::Status(3))]).of(&mut agent()).failed(ErrorStatus::WRONG_VALUE, 1);
}

#[test]
fn storage_type_permanent_rows_stay_and_read_only_ones_do_not_change() {
    let mut agent = agent();
    for (number, storage) in [(1, StorageType::Permanent), (2, StorageType::ReadOnly)] {
        let status = RowStatus::Active;
        agent.mib_mut().rows.insert(Row { number, label: "kept".into(), size: Some(1), storage, status });
        ask(&[(number, Write::Status(6))]).of(&mut agent).failed(ErrorStatus::INCONSISTENT_VALUE, 1);
        ask(&[(number, Write::Storage(2))]).of(&mut agent).failed(ErrorStatus::WRONG_VALUE, 1);
    }
    ask(&[(1, Write::Size(2))]).of(&mut agent).good();
    ask(&[(2, Write::Size(2))]).of(&mut agent).failed(ErrorStatus::INCONSISTENT_VALUE, 1);
}

#[test]
fn an_index_out_of_range_cannot_be_created() {
    ask(&[(10, Write::Size(1)), (10, Write::Status(4))]).of(&mut agent()).failed(ErrorStatus::NO_CREATION, 1);
}

/// A node that writes one number, and fails where it is told to.
#[derive(Clone, Debug, PartialEq)]
struct Flaky {
    root: snmp_mib::wire::OidBuf,
    value: i32,
    next: Option<i32>,
    fail_commit: bool,
    fail_undo: bool,
}

impl Flaky {
    fn at(place: u32, fail_commit: bool, fail_undo: bool) -> Self {
        let root = oid("1.3.6.1.4.1.32473.20").join(&[place]);
        Self { root, value: 0, next: None, fail_commit, fail_undo }
    }
}

impl Node for Flaky {
    fn root(&self) -> Oid<'_> {
        self.root.as_oid()
    }

    fn get(&self, below: Arcs<'_>) -> Result<Value<'_>, Absent> {
        if below.as_bytes() == [0] { Ok(Value::Integer(self.value)) } else { Err(Absent::Instance) }
    }

    fn next(&self, _: &mut Cursor, _: Skip) -> Option<Value<'_>> {
        None
    }

    fn prepare(&mut self, edits: &[Edit<'_>]) -> Result<(), Refusal> {
        self.next = edits.first().and_then(|edit| i32::from_value(edit.value));
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Refusal> {
        if self.fail_commit {
            return Err(Refusal { position: 0, status: ErrorStatus::GEN_ERR });
        }
        if let Some(next) = &mut self.next {
            std::mem::swap(next, &mut self.value);
        }
        Ok(())
    }

    fn undo(&mut self) -> Result<(), ErrorStatus> {
        if self.fail_undo {
            return Err(ErrorStatus::GEN_ERR);
        }
        if let Some(next) = &mut self.next {
            std::mem::swap(next, &mut self.value);
        }
        Ok(())
    }

    fn release(&mut self) {
        self.next = None;
    }
}

#[derive(Clone, Debug, PartialEq, Mib)]
struct Flakies {
    one: Flaky,
    rows: Table<Row>,
    two: Flaky,
}

#[test]
fn rfc3416_section_4_2_5_a_failed_commit_undoes_everything_before_it() {
    // Whether the last node fails, and whether the first cannot be undone then.
    for (fail_commit, fail_undo, status) in [
        (false, true, ErrorStatus::NO_ERROR),
        (true, false, ErrorStatus::COMMIT_FAILED),
        (true, true, ErrorStatus::UNDO_FAILED),
    ] {
        let mib = Flakies {
            one: Flaky::at(1, false, fail_undo),
            rows: Table::new(),
            two: Flaky::at(2, fail_commit, false),
        };
        let config = Config { communities: vec![Community::write("private")], ..Config::default() };
        let mut agent = Agent::new(Duration::ZERO, config, mib).unwrap();
        let mut request = Ask::set(&[("1.3.6.1.4.1.32473.20.1.0", Value::Integer(7))]);
        request.bindings.extend(ask(&[(3, Write::Size(1)), (3, Write::Status(4))]).bindings.iter());
        request.bindings.push(oid("1.3.6.1.4.1.32473.20.2.0").as_oid(), Value::Integer(8));
        let answer = request.of(&mut agent);
        assert_eq!(answer.status, status);
        let mib = agent.mib();
        let state = (mib.one.value, mib.rows.len(), mib.two.value);
        match status {
            ErrorStatus::NO_ERROR => assert_eq!(state, (7, 1, 8)),
            ErrorStatus::COMMIT_FAILED => assert_eq!(state, (0, 0, 0)),
            // Only what could not be undone is left, and the manager is told (index 0).
            _ => assert_eq!((state, answer.index), ((7, 0, 0), 0)),
        }
    }
}
