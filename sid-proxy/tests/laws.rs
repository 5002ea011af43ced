//! The ten laws that every engine keeps, for the HTTP session and the pool.
#![allow(clippy::unwrap_used)]

mod rig;

use proptest::prelude::*;
use rig::{GET, OK, Rig};
use sid_proxy::CardId;
use sid_proxy::http::{Input, Output, Side};
use std::time::Duration;

const POST: &str = "POST /a HTTP/1.1\r\nHost: www.sell.com\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n\
                    5\r\nhello\r\n3;x=y\r\nabc\r\n0\r\nX-Check: 1\r\n\r\n";
const PUT: &str = "PUT /b HTTP/1.1\r\nHost: www.sell.com\r\nContent-Length: 4\r\n\r\nabcd";
const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n";

/// Anything that can happen to a session.
#[derive(Clone, Debug)]
enum Step {
    Client(&'static str),
    Card(&'static str),
    ClientEnd,
    CardEnd,
    Broken(Side),
    Connected(bool),
    ConnectFailed,
    NoCard,
    Picked(u32),
    NoRoute,
    Forwarded(Side, u64),
    Drain,
    Tick(u64),
    Poll,
    Pump,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let client =
        prop::sample::select(vec![GET, POST, PUT, "\r\n", "GET / HTTP", "\0\x16", "GET / HTTP/1.1\r\n\r\n"]);
    let card = prop::sample::select(vec![
        OK,
        CHUNKED,
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 20",
        "\0",
        "x\r\n\r\n",
    ]);
    let side = prop::sample::select(vec![Side::Client, Side::Card]);
    let step = prop_oneof![
        6 => client.prop_map(Step::Client),
        6 => card.prop_map(Step::Card),
        1 => Just(Step::ClientEnd),
        1 => Just(Step::CardEnd),
        1 => side.clone().prop_map(Step::Broken),
        1 => any::<bool>().prop_map(Step::Connected),
        1 => Just(Step::ConnectFailed),
        1 => Just(Step::NoCard),
        1 => (0u32..4).prop_map(Step::Picked),
        1 => Just(Step::NoRoute),
        1 => (side, any::<u64>()).prop_map(|(side, len)| Step::Forwarded(side, len)),
        1 => Just(Step::Drain),
        3 => (0u64..100_000).prop_map(Step::Tick),
        4 => Just(Step::Poll),
        6 => Just(Step::Pump),
    ];
    prop::collection::vec(step, 0..60)
}

/// Does one step as it is, whatever the session makes of it.
fn apply(rig: &mut Rig, step: &Step) {
    let before = rig.session.clone();
    let input = match *step {
        Step::Client(text) => Input::Data { side: Side::Client, bytes: text.as_bytes(), end: false },
        Step::Card(text) => Input::Data { side: Side::Card, bytes: text.as_bytes(), end: false },
        Step::ClientEnd => Input::Data { side: Side::Client, bytes: b"", end: true },
        Step::CardEnd => Input::Data { side: Side::Card, bytes: b"", end: true },
        Step::Broken(side) => Input::Broken { side },
        Step::Connected(reused) => Input::Connected { reused },
        Step::ConnectFailed => Input::ConnectFailed,
        Step::NoCard => Input::NoCard,
        Step::Picked(card) => Input::Picked { card: CardId(card), address: "10.1.1.9:80".parse().unwrap() },
        Step::NoRoute => Input::Routed(Err(sid_proxy::Miss::NoRoute)),
        Step::Forwarded(from, len) => Input::Forwarded { from, len },
        Step::Drain => Input::Drain,
        Step::Tick(millis) => {
            rig.now += Duration::from_millis(millis);
            Input::Tick
        }
        Step::Poll => {
            let _ = rig.session.poll_output();
            return;
        }
        Step::Pump => {
            answer_all(rig);
            return;
        }
    };
    let len = if let Input::Data { bytes, .. } = input { bytes.len() } else { 0 };
    match rig.session.handle(rig.now, input) {
        Ok(taken) => assert!(taken <= len),
        Err(_) => assert_eq!(rig.session, before, "law 7: an error leaves the state as it was"),
    }
}

/// Drains, and answers what is asked.
fn answer_all(rig: &mut Rig) {
    let mut round = 0;
    while let Some(output) = rig.session.poll_output() {
        let answer = match output {
            Output::Route { key } => Input::Routed(rig.table.lookup(&key)),
            Output::Pick { .. } => Input::Picked { card: CardId(1), address: "10.1.1.1:80".parse().unwrap() },
            Output::Connect { .. } => Input::Connected { reused: false },
            _ => continue,
        };
        rig.session.handle(rig.now, answer).unwrap();
        round += 1;
        assert!(round < 100, "law 10: draining ends");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn law_1_draining_is_pure(steps in steps()) {
        let mut rig = Rig::new();
        for step in &steps {
            apply(&mut rig, step);
            let mut drained = rig.session.clone();
            let mut again = rig.session.clone();
            while drained.poll_output().is_some() {}
            // The same input does the same to the conversation, drained in one go or one by one.
            while again.poll_output().is_some() {}
            prop_assert_eq!(&drained, &again);
            prop_assert_eq!(drained.is_idle(), rig.session.is_idle());
        }
    }

    #[test]
    fn law_2_any_order_of_inputs_is_legal_and_bounded(steps in steps()) {
        let mut rig = Rig::new();
        for step in steps.iter().filter(|step| !matches!(step, Step::Poll | Step::Pump)) {
            apply(&mut rig, step);
        }
        let mut outputs = 0;
        while rig.session.poll_output().is_some() {
            outputs += 1;
        }
        prop_assert!(outputs <= 2 * steps.len() + 8);
    }

    #[test]
    fn law_3_and_4_wake_ups_are_neither_lost_nor_busy(steps in steps()) {
        let mut rig = Rig::new();
        for step in &steps {
            apply(&mut rig, step);
            let mut probe = rig.session.clone();
            let pending = probe.poll_output().is_some();
            prop_assert_eq!(rig.session.deadline() == Some(Duration::ZERO) && rig.now > Duration::ZERO, pending && rig.now > Duration::ZERO);
        }
        answer_all(&mut rig);
        // Slept to each deadline, the session comes to its end by itself.
        for _ in 0..64 {
            let Some(deadline) = rig.session.deadline() else { break };
            rig.now = rig.now.max(deadline);
            rig.session.handle(rig.now, Input::Tick).unwrap();
            answer_all(&mut rig);
            prop_assert!(rig.session.deadline().is_none_or(|next| next > deadline), "the deadline grows or goes");
        }
        prop_assert!(rig.session.deadline().is_none());
        prop_assert!(rig.session.is_closed());
    }

    #[test]
    fn law_5_an_early_tick_does_nothing(steps in steps()) {
        let mut rig = Rig::new();
        for step in &steps {
            apply(&mut rig, step);
        }
        answer_all(&mut rig);
        let deadline = rig.session.deadline();
        if deadline.is_some_and(|deadline| deadline > rig.now) {
            let before = rig.session.clone();
            rig.session.handle(rig.now, Input::Tick).unwrap();
            prop_assert_eq!(&rig.session, &before);
        }
    }

    #[test]
    fn law_6_time_does_not_run_back(steps in steps()) {
        let mut rig = Rig::new();
        rig.now = Duration::from_secs(5);
        rig.session.handle(rig.now, Input::Tick).unwrap();
        for step in &steps {
            apply(&mut rig, step);
        }
        let before = rig.session.clone();
        prop_assert!(rig.session.handle(Duration::from_secs(1), Input::Tick).is_err());
        prop_assert_eq!(&rig.session, &before);
    }

    #[test]
    fn law_9_the_same_inputs_give_the_same_outputs(steps in steps()) {
        let (mut one, mut two) = (Rig::new(), Rig::new());
        for step in &steps {
            apply(&mut one, step);
            apply(&mut two, step);
            prop_assert_eq!(&one.session, &two.session);
        }
    }

    #[test]
    fn law_10_no_input_panics(client in prop::collection::vec(any::<u8>(), 0..400), card in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut rig = Rig::new();
        rig.client_sends(&client);
        let mut rig = Rig::new();
        rig.client_sends(GET).card_sends(&card).card_ends();
    }

    /// The law of this crate: how the input is cut makes no difference.
    #[test]
    fn any_split_gives_the_same_actions(cuts in prop::collection::vec(1usize..40, 1..60), which in 0usize..6) {
        let (client, card) = conversations()[which].clone();
        let mut whole = Rig::new();
        whole.client_sends(&client);
        for answer in &card {
            whole.card_sends(answer);
        }
        let mut cut = Rig::new();
        feed(&client, &cuts, |piece| { cut.client_sends(piece); });
        for answer in &card {
            feed(answer.as_bytes(), &cuts, |piece| { cut.card_sends(piece); });
        }
        prop_assert_eq!(whole.actions, cut.actions);
        prop_assert_eq!(whole.to_card, cut.to_card);
        prop_assert_eq!(whole.to_client, cut.to_client);
    }
}

fn conversations() -> Vec<(Vec<u8>, Vec<&'static str>)> {
    vec![
        (GET.into(), vec![OK]),
        ([POST, PUT, GET].concat().into_bytes(), vec![OK, CHUNKED, OK]),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".into(), vec![]),
        ("GET / HTTP/1.1\r\nBad Field: x\r\n\r\nrest".into(), vec![]),
        (
            GET.into(),
            vec![
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nLocation: http://10.1.1.1:8000/x\r\nContent-Length: 0\r\n\r\n",
            ],
        ),
        (POST.replace("3;x=y", "zz").into(), vec![]),
    ]
}

fn feed(bytes: &[u8], cuts: &[usize], mut sink: impl FnMut(&[u8])) {
    let mut rest = bytes;
    for cut in cuts.iter().cycle() {
        if rest.is_empty() {
            return;
        }
        let (piece, tail) = rest.split_at((*cut).min(rest.len()));
        sink(piece);
        rest = tail;
    }
}

#[test]
fn law_7_an_answer_that_was_not_asked_for_changes_nothing() {
    let mut rig = Rig::new();
    let before = rig.session.clone();
    for input in [
        Input::NoCard,
        Input::ConnectFailed,
        Input::Connected { reused: true },
        Input::Forwarded { from: Side::Card, len: 1 },
    ] {
        assert!(rig.session.handle(rig.now, input).is_err());
        assert_eq!(rig.session, before);
    }
}

#[test]
fn law_8_memory_is_bounded() {
    // However often a head of the greatest size passes, what the session keeps does not grow.
    let mut rig = Rig::new();
    let long = format!("GET / HTTP/1.1\r\nHost: www.sell.com\r\nA: {}\r\n\r\n", "a".repeat(15_000));
    let mut sizes = Vec::new();
    for _ in 0..20 {
        rig.client_sends(&long).card_sends(OK);
        sizes.push(format!("{:?}", rig.session).len());
    }
    assert!(sizes.iter().all(|size| size.abs_diff(sizes[0]) < 100), "{sizes:?}");
}
