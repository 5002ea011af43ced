//! The balancers, by what they promise.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use sid_proxy::CardId;
use sid_proxy::pool::{Balance, Member, Outcome, Pick, PickKey, Policy, Pool, State, Terms};
use std::collections::BTreeMap;
use std::time::Duration;

const NOW: Duration = Duration::from_secs(100);
const ALL: [Balance; 7] = [
    Balance::RoundRobin,
    Balance::LeastConnections,
    Balance::TwoChoices,
    Balance::Latency,
    Balance::HashClient { bound: 0 },
    Balance::Rendezvous,
    Balance::Cost,
];

fn put(pool: &mut Pool, card: u32, terms: Terms) {
    pool.insert(CardId(card), ([10, 1, 1, card as u8], 8000).into(), terms);
}

fn pool(balance: Balance, cards: u32) -> Pool {
    let mut pool = Pool::new(balance);
    (1..=cards).for_each(|card| put(&mut pool, card, Terms::default()));
    pool
}

fn client(n: u64) -> PickKey<'static> {
    PickKey { client: n.wrapping_mul(0x9e37_79b9_7f4a_7c15), ..PickKey::default() }
}

fn pick(pool: &mut Pool, n: u64) -> u32 {
    pool.pick(NOW, &client(n)).unwrap().card.0
}

fn answered(millis: u64, status: u16) -> Outcome {
    Outcome::Answered { first_byte_after: Duration::from_millis(millis), status }
}

/// How often each card is picked when each pick ends at once.
fn shares(pool: &mut Pool, picks: u64) -> BTreeMap<u32, u64> {
    let mut shares = BTreeMap::new();
    for n in 0..picks {
        let card = pick(pool, n);
        *shares.entry(card).or_default() += 1;
        pool.finish(NOW, 0, CardId(card), Outcome::Unknown);
    }
    shares
}

#[test]
fn round_robin_is_smooth() {
    let mut pool = Pool::new(Balance::RoundRobin);
    for (card, weight) in [(1, 5), (2, 1), (3, 1)] {
        put(&mut pool, card, Terms { weight, ..Terms::default() });
    }
    let order: Vec<u32> = (0..14).map(|n| pick(&mut pool, n)).collect();
    assert_eq!(order, [1, 1, 2, 1, 3, 1, 1].repeat(2));
}

#[test]
fn least_connections_goes_by_load_for_weight() {
    let mut pool = Pool::new(Balance::LeastConnections);
    put(&mut pool, 1, Terms { weight: 3, ..Terms::default() });
    put(&mut pool, 2, Terms::default());
    let order: Vec<u32> = (0..8).map(|n| pick(&mut pool, n)).collect();
    assert_eq!(order.iter().filter(|card| **card == 1).count(), 6);
    pool.finish(NOW, 0, CardId(2), Outcome::Unknown);
    pool.finish(NOW, 0, CardId(2), Outcome::Unknown);
    assert_eq!(pick(&mut pool, 0), 2);
}

#[test]
fn two_choices_stay_near_the_least_loaded() {
    let mut pool = pool(Balance::TwoChoices, 50);
    (0..5000).for_each(|n| {
        pick(&mut pool, n);
    });
    let active = pool.members().iter().map(|member| member.active);
    let (least, most) = (active.clone().min().unwrap(), active.max().unwrap());
    // Single choices would spread over about 60; two keep within log log n of the mean.
    assert!(most - least <= 10, "{least}..{most}");
}

#[test]
fn latency_prefers_the_card_that_answers_sooner_and_forgives_in_time() {
    let mut pool = pool(Balance::Latency, 2);
    for (card, millis) in [(1, 200), (2, 5)] {
        for _ in 0..5 {
            pool.finish(NOW, 0, CardId(card), answered(millis, 200));
        }
    }
    assert_eq!((0..10).map(|n| pick(&mut pool, n)).collect::<Vec<_>>(), [2; 10]);
    let later = NOW + Duration::from_secs(10_000);
    (0..10).for_each(|_| pool.finish(later, 0, CardId(2), answered(5, 200)));
    assert_eq!(pool.pick(later, &client(0)).unwrap().card.0, 1, "what was long ago counts no more");
}

#[test]
fn a_429_or_503_counts_as_a_slow_answer() {
    for status in [429, 503] {
        let mut pool = pool(Balance::Latency, 2);
        pool.finish(NOW, 0, CardId(1), answered(1, status));
        pool.finish(NOW, 0, CardId(2), answered(900, 200));
        assert_eq!(pick(&mut pool, 0), 2);
    }
}

#[test]
fn cost_fills_the_cheapest_first() {
    let mut pool = Pool::new(Balance::Cost);
    put(&mut pool, 1, Terms { cost: 9, ..Terms::default() });
    put(&mut pool, 2, Terms { cost: 1, max_active: 2, ..Terms::default() });
    put(&mut pool, 3, Terms { cost: 1, max_active: 1, ..Terms::default() });
    let order: Vec<u32> = (0..5).map(|n| pick(&mut pool, n)).collect();
    assert_eq!(order, [2, 3, 2, 1, 1]);
}

#[test]
fn hashing_keeps_a_client_on_its_card_and_moves_few() {
    for balance in [Balance::HashClient { bound: 0 }, Balance::Rendezvous] {
        let mut pool = pool(balance, 10);
        let before: Vec<u32> = (0..10_000).map(|n| pick(&mut pool, n)).collect();
        assert_eq!((0..10_000).map(|n| pick(&mut pool, n)).collect::<Vec<_>>(), before);
        let mut counts = [0u32; 11];
        before.iter().for_each(|card| counts[*card as usize] += 1);
        assert!(counts[1..].iter().all(|count| (850..1150).contains(count)), "{counts:?}");
        // A card that fails moves its own clients and nobody else.
        pool.set_state(CardId(4), State::Down);
        let after: Vec<u32> = (0..10_000).map(|n| pick(&mut pool, n)).collect();
        assert!(before.iter().zip(&after).all(|(old, new)| old == new || *old == 4), "{balance:?}");
        // A card that is gone for good moves few others.
        pool.remove(CardId(4));
        let gone: Vec<u32> = (0..10_000).map(|n| pick(&mut pool, n)).collect();
        let moved = before.iter().zip(&gone).filter(|(old, new)| old != new && **old != 4).count();
        assert!(moved < 500, "{balance:?}: {moved}");
    }
}

#[test]
fn bounded_load_holds_its_bound() {
    let mut pool = pool(Balance::HashClient { bound: 125 }, 4);
    for n in 0..100 {
        // One client alone asks for everything.
        pool.pick(NOW, &client(7)).unwrap();
        let most = pool.members().iter().map(|member| member.active).max().unwrap();
        assert!(u64::from(most) * 4 <= (n + 1) * 125 / 100 + 4, "{most} of {}", n + 1);
    }
}

#[test]
fn weights_are_shares() {
    for balance in ALL.into_iter().filter(|balance| {
        !matches!(balance, Balance::Latency | Balance::TwoChoices | Balance::Cost | Balance::LeastConnections)
    }) {
        let mut pool = Pool::new(balance);
        put(&mut pool, 1, Terms { weight: 3, ..Terms::default() });
        put(&mut pool, 2, Terms::default());
        put(&mut pool, 3, Terms { weight: 0, ..Terms::default() });
        let shares = shares(&mut pool, 8000);
        assert!((5700..6300).contains(&shares[&1]), "{balance:?}: {shares:?}");
        assert!(!shares.contains_key(&3), "{balance:?}: weight 0 gets nothing");
    }
}

#[test]
fn backups_serve_only_when_no_active_member_can() {
    for balance in ALL {
        let mut pool = Pool::new(balance);
        put(&mut pool, 1, Terms::default());
        put(&mut pool, 2, Terms { rank: 1, ..Terms::default() });
        put(&mut pool, 3, Terms { rank: 2, ..Terms::default() });
        assert!((0..20).all(|n| pick(&mut pool, n) == 1), "{balance:?}");
        pool.set_state(CardId(1), State::Draining);
        assert!((0..20).all(|n| pick(&mut pool, n) == 2), "{balance:?}");
        pool.set_state(CardId(2), State::Down);
        assert!((0..20).all(|n| pick(&mut pool, n) == 3), "{balance:?}");
        pool.set_state(CardId(1), State::Up);
        assert_eq!(pick(&mut pool, 0), 1, "{balance:?}");
    }
}

#[test]
fn a_member_that_comes_up_starts_slowly() {
    let policy = Policy { slow_start: Duration::from_secs(10), ..Policy::default() };
    let mut pool = pool(Balance::RoundRobin, 2).with_policy(policy);
    pool.pick(NOW - Duration::from_secs(60), &client(0)).unwrap();
    pool.set_state(CardId(2), State::Down);
    pool.set_state(CardId(2), State::Up);
    pool.pick(NOW, &client(0)).unwrap();
    let share = |pool: &mut Pool, at: Duration| {
        (0..1000).filter(|n| pool.pick(at, &client(*n)).unwrap().card == CardId(2)).count()
    };
    let early = share(&mut pool, NOW + Duration::from_secs(1));
    let late = share(&mut pool, NOW + Duration::from_secs(9));
    let done = share(&mut pool, NOW + Duration::from_secs(11));
    assert!((60..120).contains(&early) && (440..500).contains(&late) && done == 500, "{early} {late} {done}");
}

#[test]
fn a_member_that_fails_again_and_again_is_out_for_longer_and_longer() {
    let mut pool = pool(Balance::RoundRobin, 4);
    let mut now = NOW;
    for seconds in [10, 20, 40] {
        (0..5).for_each(|_| pool.finish(now, 0, CardId(2), Outcome::Failed));
        assert!(pool.members()[1].is_ejected(now));
        assert!((0..8).all(|n| pool.pick(now, &client(n)).unwrap().card != CardId(2)));
        now += Duration::from_secs(seconds) - Duration::from_millis(1);
        assert!(pool.members()[1].is_ejected(now));
        now += Duration::from_millis(1);
        assert!(!pool.members()[1].is_ejected(now));
    }
    pool.finish(now, 0, CardId(2), answered(1, 200));
    (0..5).for_each(|_| pool.finish(now, 0, CardId(2), Outcome::Failed));
    assert!(!pool.members()[1].is_ejected(now + Duration::from_secs(10)), "one success makes it good again");
}

#[test]
fn never_more_than_half_are_ejected() {
    let mut pool = pool(Balance::RoundRobin, 4);
    for card in 1..=4 {
        (0..5).for_each(|_| pool.finish(NOW, 0, CardId(card), Outcome::Failed));
    }
    assert_eq!(pool.members().iter().filter(|member| member.is_ejected(NOW)).count(), 2);
    assert!(pool.pick(NOW, &client(0)).is_some());
}

#[test]
fn failing_members_serve_only_if_the_policy_says_so() {
    for fail_open in [false, true] {
        let policy = Policy { fail_open, ..Policy::default() };
        let mut pool = pool(Balance::LeastConnections, 2).with_policy(policy);
        pool.set_state(CardId(1), State::Failing);
        assert_eq!(pick(&mut pool, 0), 2);
        pool.set_state(CardId(2), State::Failing);
        assert_eq!(pool.pick(NOW, &client(0)).is_some(), fail_open);
    }
}

#[test]
fn retries_never_add_up_to_a_storm() {
    let mut pool = pool(Balance::RoundRobin, 3);
    let retry = PickKey { tried: &[CardId(1)], ..PickKey::default() };
    assert_eq!((0..100).filter(|_| pool.pick(NOW, &retry).is_some()).count(), 10);
    (0..50).for_each(|n| {
        pick(&mut pool, n);
    });
    assert_eq!((0..100).filter(|_| pool.pick(NOW, &retry).is_some()).count(), 10, "a fifth of 50");
}

#[test]
fn a_service_and_a_card_have_their_bounds() {
    let policy = Policy { max_active: 3, ..Policy::default() };
    let mut pool = Pool::new(Balance::RoundRobin).with_policy(policy);
    put(&mut pool, 1, Terms { max_active: 1, ..Terms::default() });
    put(&mut pool, 2, Terms::default());
    assert_eq!([pick(&mut pool, 0), pick(&mut pool, 1), pick(&mut pool, 2)], [1, 2, 2]);
    assert_eq!(pool.pick(NOW, &client(3)), None);
    pool.finish(NOW, 0, CardId(2), Outcome::Unknown);
    assert_eq!(pick(&mut pool, 4), 2);
}

#[derive(Clone, Debug)]
enum Op {
    Pick(u64, Vec<u32>),
    Finish(usize, u8),
    State(u32, u8),
    Insert(u32, u16, u8),
    Remove(u32),
    Wait(u64),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        8 => (any::<u64>(), prop::collection::vec(0u32..8, 0..3)).prop_map(|(client, tried)| Op::Pick(client, tried)),
        6 => (any::<usize>(), 0u8..3).prop_map(|(which, how)| Op::Finish(which, how)),
        2 => (0u32..8, 0u8..4).prop_map(|(card, state)| Op::State(card, state)),
        2 => (0u32..8, 0u16..4, 0u8..3).prop_map(|(card, weight, rank)| Op::Insert(card, weight, rank)),
        1 => (0u32..8).prop_map(Op::Remove),
        2 => (0u64..20_000).prop_map(Op::Wait),
    ];
    prop::collection::vec(op, 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens to a pool: who is picked may be picked, counts are right, equal histories choose equally.
    #[test]
    fn only_who_may_be_picked_is_picked(which in 0usize..7, seed: u64, ops in ops()) {
        let mut pool = Pool::new(ALL[which]).with_seed(seed);
        let mut twin = pool.clone();
        let mut now = NOW;
        let mut open: Vec<Pick> = Vec::new();
        for op in ops {
            match op {
                Op::Pick(client, tried) => {
                    let tried: Vec<CardId> = tried.into_iter().map(CardId).collect();
                    let key = PickKey { client, tried: &tried, sticky: None };
                    let before = pool.clone();
                    let picked = pool.pick(now, &key);
                    prop_assert_eq!(picked, twin.pick(now, &key));
                    let may = |member: &&Member| {
                        member.state == State::Up && member.terms.weight > 0 && !member.is_ejected(now) && !tried.contains(&member.card)
                    };
                    let rank = before.members().iter().filter(may).map(|member| member.terms.rank).min();
                    match picked {
                        Some(pick) => {
                            let member = before.members().iter().find(|member| member.card == pick.card).unwrap();
                            prop_assert!(may(&member));
                            prop_assert_eq!(Some(member.terms.rank), rank);
                            open.push(pick);
                        }
                        None => prop_assert!(rank.is_none() || !tried.is_empty(), "someone could have served"),
                    }
                }
                Op::Finish(which, how) if !open.is_empty() => {
                    let pick = open.swap_remove(which % open.len());
                    let outcome = [answered(u64::from(how), 200), Outcome::Failed, Outcome::Unknown][usize::from(how)];
                    pool.finish(now, 0, pick.card, outcome);
                    twin.finish(now, 0, pick.card, outcome);
                }
                Op::Finish(..) => {}
                Op::State(card, state) => {
                    let state = [State::Up, State::Failing, State::Draining, State::Down][usize::from(state)];
                    pool.set_state(CardId(card), state);
                    twin.set_state(CardId(card), state);
                }
                Op::Insert(card, weight, rank) => {
                    put(&mut pool, card, Terms { weight, rank, ..Terms::default() });
                    put(&mut twin, card, Terms { weight, rank, ..Terms::default() });
                }
                Op::Remove(card) => {
                    pool.remove(CardId(card));
                    twin.remove(CardId(card));
                    open.retain(|pick| pick.card != CardId(card));
                }
                Op::Wait(millis) => now += Duration::from_millis(millis),
            }
            for member in pool.members() {
                let running = open.iter().filter(|pick| pick.card == member.card).count();
                prop_assert_eq!(member.active as usize, running);
            }
        }
    }
}
