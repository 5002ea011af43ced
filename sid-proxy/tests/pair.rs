//! Two proxies and one address: what each does when, and what keepalived's users ran into, by name.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use proptest::prelude::*;
use sid_proxy::pair::{Advert, Config, Error, Event, Input, Lost, Malformed, Node, Output};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

const SECRET: [u8; 16] = *b"known to the two";

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn config(node: u64, priority: u8, preempt_after: Option<Duration>) -> Config {
    let address: IpAddr = "198.51.100.1".parse().unwrap();
    let other = if node == 1 { 2 } else { 1 };
    Config { priority, preempt_after, ..Config::new(node, other, 1, vec![address], SECRET) }
}

/// A node, and what was done for it.
#[derive(Clone)]
struct Lab {
    node: Node,
    now: Duration,
    /// The last datagram that was not given to the other.
    sent: Vec<Vec<u8>>,
    did: Vec<String>,
}

impl Lab {
    fn new(config: Config, now: Duration) -> Self {
        Self { node: Node::new(Arc::new(config), now), now, sent: vec![], did: vec![] }
    }

    fn drain(&mut self) {
        loop {
            let due = self.node.deadline();
            let Some(output) = self.node.poll_output() else { return };
            assert_eq!(due, Some(Duration::ZERO), "a lost wake-up");
            match output {
                Output::Send { bytes } => self.sent.push(bytes.to_vec()),
                Output::Claim { above } => self.did.push(format!("claim {above}")),
                Output::Acquire { token, .. } => self.did.push(format!("acquire {token}")),
                Output::Release { .. } => self.did.push("release".into()),
                Output::Announce { .. } => self.did.push("announce".into()),
                Output::Event(Event::NoOwner { why }) => self.did.push(format!("{why:?}")),
                Output::Event(Event::TwoOwners { token }) => self.did.push(format!("second {token}")),
                Output::Event(_) => {}
            }
        }
    }

    fn tell(&mut self, input: Input<'_>) -> Vec<String> {
        self.node.handle(self.now, input).unwrap();
        self.drain();
        std::mem::take(&mut self.did)
    }

    /// Sleeps to each deadline on the way.
    fn wait(&mut self, span: Duration) -> Vec<String> {
        let end = self.now + span;
        while let Some(due) = self.node.deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.node.handle(self.now, Input::Tick).unwrap();
            self.drain();
            assert!(self.node.deadline().is_none_or(|next| next > due), "a busy loop");
        }
        self.now = end;
        std::mem::take(&mut self.did)
    }

    fn hear(&mut self, owner: bool, priority: u8, token: u64, counter: u64) -> Vec<String> {
        let advert =
            Advert { owner, priority, group: 0, node: 2, token, counter, heard: 0, interval_ms: 1000 };
        self.tell(Input::Datagram(&advert.emit(&SECRET)))
    }

    fn own(mut self, token: u64) -> Self {
        self.wait(ms(4000));
        self.tell(Input::Granted { token });
        assert_eq!(self.node.token(), Some(token));
        self.sent.clear();
        self
    }

    fn said(&mut self) -> Vec<Advert> {
        self.sent.drain(..).map(|bytes| Advert::parse(&bytes, &SECRET).unwrap()).collect()
    }
}

fn node(priority: u8, preempt_after: Option<Duration>) -> Lab {
    Lab::new(config(1, priority, preempt_after), Duration::ZERO)
}

#[test]
fn a_node_that_hears_nobody_claims_acquires_announces_and_tells() {
    let mut lab = node(255, None);
    assert!(lab.wait(ms(3003)).is_empty());
    assert_eq!(lab.wait(ms(1)), ["claim 0"]);
    assert_eq!(lab.tell(Input::Granted { token: 7 }), ["acquire 7", "announce"]);
    assert_eq!(lab.wait(ms(2000)), ["announce", "announce"]);
    assert_eq!(lab.wait(ms(59_999)), [""; 0]);
    assert_eq!(lab.wait(ms(1)), ["announce"], "for whoever was not listening");
    let said = lab.said();
    assert!(said.len() >= 61 && said.iter().all(|advert| advert.owner && advert.token == 7));
}

#[test]
fn a_token_is_asked_for_again_when_there_is_none() {
    let mut lab = node(255, None);
    lab.wait(ms(3004));
    assert_eq!(lab.node.handle(lab.now, Input::Granted { token: 0 }), Err(Error::StaleToken));
    assert!(lab.tell(Input::Denied).is_empty());
    assert_eq!(lab.node.handle(lab.now, Input::Denied), Err(Error::NotAsked));
    assert_eq!(lab.wait(ms(3004)), ["claim 0"]);
    // No answer is a denial too, and an answer after that comes too late.
    assert_eq!(lab.wait(ms(2000 + 3003)), [""; 0]);
    assert_eq!(lab.node.handle(lab.now, Input::Granted { token: 9 }), Err(Error::NotAsked));
    assert_eq!(lab.wait(ms(1)), ["claim 0"]);
}

#[test]
fn an_owner_without_its_token_lets_go() {
    let mut lab = node(100, None).own(7);
    assert_eq!(lab.tell(Input::Revoked), ["release", "Revoked"]);
    assert!(lab.said().iter().all(|advert| !advert.owner && advert.token == 7));
    assert!(lab.tell(Input::Revoked).is_empty());
}

#[test]
fn keepalived_80_the_preemption_delay_does_not_hold_back_where_there_is_no_owner() {
    let mut lab = node(200, Some(Duration::from_secs(3600)));
    assert_eq!(lab.wait(ms(4000)), ["claim 0"]);
    // Where there is one of lower priority, it does, and is no delay to whoever dies meanwhile.
    let mut lab = node(200, Some(Duration::from_secs(3600)));
    for counter in 1..100 {
        assert!(lab.hear(true, 100, 5, counter).is_empty());
        assert!(lab.wait(ms(1000)).is_empty());
    }
    assert_eq!(lab.wait(ms(3000)), ["claim 5"]);
}

#[test]
fn keepalived_82_a_new_configuration_changes_no_ownership() {
    let mut lab = node(200, Some(ms(5000))).own(7);
    let new = Config { interval: ms(500), ..config(1, 10, Some(Duration::from_secs(300))) };
    lab.node.reconfigure(lab.now, &new).unwrap();
    lab.drain();
    assert_eq!(lab.node.token(), Some(7));
    lab.said();
    lab.wait(ms(2000));
    assert!(lab.said().len() >= 4, "it goes on telling, and does not wait for a delay");
    assert!(lab.did.iter().all(|did| did != "release"));
}

#[test]
fn keepalived_166_and_1528_the_winner_of_two_owners_announces_again() {
    let mut lab = node(100, None).own(7);
    lab.wait(ms(10_000));
    lab.said();
    assert_eq!(lab.hear(true, 200, 6, 1), ["second 6", "announce"]);
    assert_eq!(lab.said()[0].token, 7, "the other hears at once");
    // It stepped down: whatever it announced last is to be overtaken.
    assert_eq!(lab.hear(false, 200, 6, 2), ["announce"]);
}

#[test]
fn keepalived_160_the_loser_says_so_even_if_the_winner_never_heard_of_it() {
    let mut lab = node(200, None).own(7);
    assert_eq!(lab.hear(true, 10, 8, 1), ["release", "Overtaken"]);
    let farewells =
        |lab: &mut Lab| lab.said().iter().filter(|advert| !advert.owner && advert.token == 7).count();
    assert_eq!(farewells(&mut lab), 1);
    for counter in 2..10 {
        lab.hear(true, 10, 8, counter);
        assert_eq!(farewells(&mut lab), 1, "since datagrams get lost");
    }
    let heard = (1 << 32) + 100;
    let advert = Advert {
        owner: true,
        priority: 10,
        group: 0,
        node: 2,
        token: 8,
        counter: 11,
        heard,
        interval_ms: 1000,
    };
    lab.tell(Input::Datagram(&advert.emit(&SECRET)));
    assert_eq!(farewells(&mut lab), 0, "until it was heard");
}

#[test]
fn keepalived_160_an_owner_that_slept_lets_go_before_anything_else() {
    let mut lab = node(100, None).own(7);
    lab.now += ms(2999);
    assert_eq!(lab.tell(Input::Tick), ["announce"]);
    lab.now += ms(3000);
    assert_eq!(lab.tell(Input::Tick), ["release", "Overslept"]);
    assert_eq!(lab.node.token(), None);
}

#[test]
fn keepalived_296_after_a_fault_it_listens_first_and_preempts_only_if_it_may() {
    for (preempt_after, takes) in [(None, false), (Some(ms(5000)), true)] {
        let mut lab = node(200, preempt_after).own(7);
        assert_eq!(lab.tell(Input::Fault), ["release", "Fault"]);
        assert_eq!(lab.said().last().map(|advert| (advert.owner, advert.token)), Some((false, 7)));
        assert!(lab.wait(ms(60_000)).is_empty());
        lab.tell(Input::Healthy);
        assert!(lab.wait(ms(3000)).is_empty(), "no claim before an owner could be heard");
        let mut did = vec![];
        for counter in 1..20 {
            did.extend(lab.hear(true, 100, 8, counter));
            did.extend(lab.wait(ms(500)));
        }
        assert_eq!(did.contains(&"claim 8".to_string()), takes, "{did:?}");
    }
}

#[test]
fn keepalived_2032_a_higher_priority_alone_takes_nothing_away() {
    let mut lab = node(1, None).own(7);
    lab.hear(true, 255, 6, 1);
    lab.hear(false, 255, 7, 2);
    assert_eq!(lab.node.token(), Some(7));
}

#[test]
fn keepalived_2370_two_owners_do_not_stay_two() {
    let mut a = Lab::new(config(1, 200, None), Duration::ZERO).own(7);
    let mut b = Lab::new(config(2, 100, None), Duration::ZERO).own(8);
    for _ in 0..3 {
        a.wait(ms(1000));
        b.wait(ms(1000));
        let (of_a, of_b) = (std::mem::take(&mut a.sent), std::mem::take(&mut b.sent));
        of_a.iter().for_each(|bytes| drop(b.tell(Input::Datagram(bytes))));
        of_b.iter().for_each(|bytes| drop(a.tell(Input::Datagram(bytes))));
    }
    assert_eq!((a.node.token(), b.node.token()), (None, Some(8)));
    // Even where the source of tokens is broken and gave both the same one.
    let mut a = Lab::new(config(1, 200, None), Duration::ZERO).own(7);
    assert_eq!(a.hear(true, 1, 7, 1), ["release", "Overtaken"]);
}

#[test]
fn a_node_that_was_started_anew_lets_the_owner_announce_again() {
    let mut lab = node(200, None);
    lab.hear(true, 10, 8, 1);
    assert_eq!(
        lab.said().iter().map(|advert| (advert.owner, advert.token)).collect::<Vec<_>>(),
        [(false, 0)]
    );
    let mut owner = node(100, None).own(7);
    owner.wait(ms(10_000));
    assert_eq!(owner.hear(false, 200, 0, 1), ["announce"]);
}

#[test]
fn an_owner_of_what_was_overtaken_is_told() {
    let mut lab = node(100, None).own(9);
    lab.tell(Input::Fault);
    lab.tell(Input::Healthy);
    lab.said();
    lab.hear(true, 200, 8, 1);
    assert_eq!(
        lab.said().iter().map(|advert| (advert.owner, advert.token)).collect::<Vec<_>>(),
        [(false, 9)]
    );
    // To such an owner that is a reason to get a new token.
    let mut lab = node(100, None).own(8);
    assert_eq!(lab.hear(false, 100, 9, 1), ["release", "Overtaken"]);
    assert_eq!(lab.wait(ms(1000)), ["claim 9"]);
}

#[test]
fn forged_repeated_and_foreign_adverts_change_nothing() {
    let mut lab = node(100, None).own(7);
    let advert = Advert {
        owner: true,
        priority: 1,
        group: 0,
        node: 2,
        token: 6,
        counter: 5,
        heard: 0,
        interval_ms: 1000,
    };
    let good = advert.emit(&SECRET);
    for bit in 0..good.len() * 8 {
        let mut bad = good;
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(lab.tell(Input::Datagram(&bad)).is_empty());
    }
    assert!(lab.tell(Input::Datagram(&advert.emit(b"another's secret"))).is_empty());
    (0..good.len()).for_each(|len| assert!(lab.tell(Input::Datagram(&good[..len])).is_empty()));
    assert_eq!(lab.node.stats().forged, 56 * 8 + 1 + 56);
    for foreign in [Advert { group: 1, ..advert }, Advert { node: 3, ..advert }, Advert { node: 1, ..advert }]
    {
        assert!(lab.tell(Input::Datagram(&foreign.emit(&SECRET))).is_empty());
    }
    assert_eq!(lab.tell(Input::Datagram(&good)), ["second 6", "announce"]);
    assert!(lab.tell(Input::Datagram(&good)).is_empty(), "heard once");
    assert_eq!((lab.node.stats().foreign, lab.node.stats().stale), (3, 1));
    assert!(!format!("{:?}", config(1, 1, None)).contains(&format!("{SECRET:?}")));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn adverts_are_read_as_they_were_written(
        owner: bool, priority: u8, group: u32, node: u64, token: u64, counter: u64, heard: u64, interval_ms: u32, noise: Vec<u8>,
    ) {
        let advert = Advert { owner, priority, group, node, token, counter, heard, interval_ms };
        prop_assert_eq!(Advert::parse(&advert.emit(&SECRET), &SECRET), Ok(advert));
        prop_assert!(Advert::parse(&noise, &SECRET).is_err());
        let mut long = advert.emit(&SECRET).to_vec();
        long.push(0);
        prop_assert_eq!(Advert::parse(&long, &SECRET), Err(Malformed::Form));
    }
}

#[test]
fn what_is_lost_has_a_name() {
    let mut lab = node(100, None).own(3);
    lab.node.handle(lab.now, Input::Revoked).unwrap();
    let mut events = vec![];
    while let Some(output) = lab.node.poll_output() {
        if let Output::Event(event) = output {
            events.push(event);
        }
    }
    assert_eq!(events, [Event::NoOwner { why: Lost::Revoked }]);
    assert_eq!(lab.node.handle(Duration::ZERO, Input::Tick), Err(Error::TimeRanBack));
}
