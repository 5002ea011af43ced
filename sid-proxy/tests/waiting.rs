//! Requests that wait for a card: bounds, turns, time.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use sid_proxy::CardId;
use sid_proxy::pool::{Answer, Balance, Busy, Health, Outcome, PickKey, Policy, Pool, State, Terms, Ticket};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const NOW: Duration = Duration::from_secs(100);

fn pool(cards: u32, each: u32, policy: Policy) -> Pool {
    let mut pool = Pool::new(Balance::LeastConnections).with_policy(policy);
    for card in 1..=cards {
        let terms = Terms { max_active: each, ..Terms::default() };
        pool.insert(CardId(card), ([10, 1, 1, card as u8], 8000).into(), terms);
    }
    pool
}

fn queueing() -> Policy {
    Policy { queue: 10, queue_per_client: 4, ..Policy::default() }
}

fn of(client: u64) -> PickKey<'static> {
    PickKey { client, ..PickKey::default() }
}

fn wait(pool: &mut Pool, client: u64) -> Ticket {
    match pool.ask(NOW, &of(client)) {
        Answer::Wait(ticket) => ticket,
        other => panic!("{other:?}"),
    }
}

fn done(pool: &mut Pool, client: u64, card: u32) {
    pool.finish(NOW, client, CardId(card), Outcome::Unknown);
}

#[test]
fn who_waits_gets_the_next_card_that_is_free() {
    let mut pool = pool(1, 1, queueing());
    assert!(matches!(pool.ask(NOW, &of(1)), Answer::Picked(pick) if pick.card == CardId(1)));
    let ticket = wait(&mut pool, 2);
    assert_eq!(pool.next(NOW), None);
    assert_eq!(pool.deadline(), Some(NOW + Duration::from_secs(1)));
    done(&mut pool, 1, 1);
    assert_eq!(pool.deadline(), Some(Duration::ZERO), "no lost wake-up");
    // Whoever comes now waits behind whoever came before.
    let third = wait(&mut pool, 3);
    let (served, pick) = pool.next(NOW).unwrap();
    assert_eq!((served, pick.unwrap().card), (ticket, CardId(1)));
    assert_eq!(pool.next(NOW), None);
    assert!(pool.leave(third) && !pool.leave(third));
    assert_eq!((pool.waiting(), pool.deadline()), (0, None));
}

#[test]
fn clients_are_served_in_turn_whatever_each_asks() {
    let mut pool = pool(1, 1, Policy { queue: 100, queue_per_client: 50, ..Policy::default() });
    pool.pick(NOW, &of(9)).unwrap();
    let greedy: Vec<Ticket> = (0..50).map(|_| wait(&mut pool, 1)).collect();
    let modest = wait(&mut pool, 2);
    let mut order = vec![];
    let mut running = 9;
    for _ in 0..4 {
        done(&mut pool, running, 1);
        let (ticket, pick) = pool.next(NOW).unwrap();
        pick.unwrap();
        running = if ticket == modest { 2 } else { 1 };
        order.push(ticket);
    }
    assert_eq!(order, [greedy[0], modest, greedy[1], greedy[2]]);
}

#[test]
fn the_queue_is_bounded_for_all_and_for_each() {
    let mut pool = pool(1, 1, queueing());
    pool.pick(NOW, &of(9)).unwrap();
    (0..4).for_each(|_| assert!(wait(&mut pool, 1) > Ticket(0)));
    assert_eq!(pool.ask(NOW, &of(1)), Answer::Refused(Busy::Client));
    (0..6).for_each(|n| assert!(wait(&mut pool, 10 + n) > Ticket(0)));
    assert_eq!(pool.ask(NOW, &of(3)), Answer::Refused(Busy::Full));
    assert_eq!(pool.waiting(), 10);
}

#[test]
fn nobody_waits_longer_than_the_policy_says() {
    let mut pool = pool(1, 1, queueing());
    pool.pick(NOW, &of(9)).unwrap();
    let ticket = wait(&mut pool, 1);
    assert_eq!(pool.deadline(), Some(Duration::ZERO), "there may be room at first");
    assert_eq!(pool.next(NOW), None);
    let due = pool.deadline().unwrap();
    assert_eq!(pool.next(due - Duration::from_nanos(1)), None, "an early look does nothing");
    assert_eq!(pool.next(due), Some((ticket, Err(Busy::Late))));
    assert_eq!((pool.next(due), pool.deadline()), (None, None));
}

#[test]
fn a_client_has_its_bound_and_stands_in_nobodys_way() {
    let mut pool = pool(1, 10, Policy { max_per_client: 2, ..queueing() });
    assert!(pool.pick(NOW, &of(1)).is_some() && pool.pick(NOW, &of(1)).is_some());
    assert!(pool.pick(NOW, &of(1)).is_none());
    let ticket = wait(&mut pool, 1);
    assert!(matches!(pool.ask(NOW, &of(2)), Answer::Picked(_)), "another does not wait for it");
    assert_eq!(pool.next(NOW), None);
    done(&mut pool, 1, 1);
    assert_eq!(pool.next(NOW).unwrap().0, ticket);
}

#[test]
fn where_no_card_is_left_nobody_waits_for_one() {
    let mut pool = pool(2, 1, queueing());
    assert!(pool.pick(NOW, &of(1)).is_some() && pool.pick(NOW, &of(1)).is_some());
    let ticket = wait(&mut pool, 1);
    pool.set_state(CardId(1), State::Down);
    assert_eq!(pool.next(NOW), None, "the other may come free");
    pool.set_health(CardId(2), Health::Ill);
    assert_eq!(pool.next(NOW), Some((ticket, Err(Busy::NoCard))));
    assert_eq!(pool.ask(NOW, &of(1)), Answer::Refused(Busy::NoCard));
}

#[test]
fn a_card_that_is_back_ends_the_waiting() {
    let mut pool = pool(2, 1, Policy { eject_after: 1, queue_for: Duration::from_secs(60), ..queueing() });
    let pick = pool.pick(NOW, &of(1)).unwrap();
    pool.finish(NOW, 1, pick.card, Outcome::Failed);
    pool.pick(NOW, &of(1)).unwrap();
    let ticket = wait(&mut pool, 2);
    assert_eq!(pool.next(NOW), None);
    let back = pool.deadline().unwrap();
    assert_eq!(back, NOW + Duration::from_secs(10));
    assert!(
        matches!(pool.next(back), Some((served, Ok(again))) if served == ticket && again.card == pick.card)
    );
}

#[test]
fn reasons_have_their_status_and_their_time() {
    assert_eq!((Busy::Client.status(), Busy::Full.status(), Busy::NoCard.status()), (429, 503, 503));
    assert!(Busy::NoCard.retry_after() > Busy::Full.retry_after());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens, each ticket is answered exactly once or given back, in time; bounds hold; a client that waits
    /// is never passed twice by one that had its turn; and a card that is free means that nobody waits.
    #[test]
    fn each_ticket_has_one_answer_in_time(
        steps in prop::collection::vec((0u8..7, 0u64..4, 0u16..400), 1..300),
    ) {
        let policy = Policy { queue: 8, queue_per_client: 3, max_per_client: 3, ..Policy::default() };
        let mut pool = pool(3, 2, policy);
        let mut now = NOW;
        let mut waiting: BTreeMap<Ticket, (u64, Duration)> = BTreeMap::new();
        let mut running: Vec<(u64, CardId)> = vec![];
        let mut answered = BTreeSet::new();
        for (what, client, wait) in steps {
            match what {
                0..=2 => match pool.ask(now, &of(client)) {
                    Answer::Picked(pick) => running.push((client, pick.card)),
                    Answer::Wait(ticket) => {
                        prop_assert!(waiting.insert(ticket, (client, now + Duration::from_secs(1))).is_none());
                    }
                    Answer::Refused(_) => {}
                },
                3 if !running.is_empty() => {
                    let (client, card) = running.remove(usize::from(wait) % running.len());
                    pool.finish(now, client, card, if wait % 5 == 0 { Outcome::Failed } else { Outcome::Unknown });
                }
                4 => now += Duration::from_millis(wait.into()),
                5 => {
                    let health = if wait % 3 == 0 { Health::Ill } else { Health::Well };
                    pool.set_health(CardId(u32::from(wait % 3) + 1), health);
                }
                _ => {
                    if let Some(ticket) = waiting.keys().next().copied() {
                        waiting.remove(&ticket);
                        prop_assert!(pool.leave(ticket));
                    }
                }
            }
            while let Some((ticket, answer)) = pool.next(now) {
                let (client, until) = waiting.remove(&ticket).unwrap();
                prop_assert!(answered.insert(ticket));
                match answer {
                    Ok(pick) => running.push((client, pick.card)),
                    Err(Busy::Late) => prop_assert!(now >= until),
                    Err(_) => {}
                }
            }
            prop_assert!(waiting.values().all(|(_, until)| *until > now));
            prop_assert_eq!(pool.waiting(), waiting.len());
            prop_assert!(waiting.len() <= 8);
            for client in 0..4 {
                prop_assert!(waiting.values().filter(|(of, _)| *of == client).count() <= 3);
                prop_assert!(running.iter().filter(|(of, _)| *of == client).count() <= 3);
            }
            prop_assert!(pool.deadline().is_none_or(|due| due > now));
            let busy = |client| running.iter().filter(|(of, _)| *of == client).count() >= 3;
            let free = pool.members().iter().any(|member| {
                member.active < 2 && member.health != Health::Ill && !member.is_ejected(now)
            });
            prop_assert!(!free || waiting.values().all(|(client, _)| busy(*client)), "{:?} {:?}", pool, waiting);
            for member in pool.members() {
                let here = running.iter().filter(|(_, card)| *card == member.card).count();
                prop_assert_eq!(member.active as usize, here);
            }
        }
    }
}
