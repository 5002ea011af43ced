//! What keeps a customer on a card, and what copies its requests to another: the same in every proxy.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use sid_proxy::mirror::Mirror;
use sid_proxy::pool::{
    Balance, Health, Outcome, PickKey, Policy, Pool, State, Sticky, Terms, Token, client_hash,
};
use sid_proxy::wire::cookie;
use sid_proxy::{CardId, ServiceId};
use std::net::IpAddr;
use std::time::Duration;

const NOW: Duration = Duration::from_secs(100);
const SECRET: [u8; 16] = *b"0123456789abcdef";

fn sticky() -> Sticky {
    Sticky::new("card", ServiceId(7), SECRET).unwrap()
}

fn pool(balance: Balance, cards: &[u32]) -> Pool {
    let mut pool = Pool::new(balance).with_sticky(sticky());
    for card in cards {
        pool.insert(CardId(*card), ([10, 1, 1, *card as u8], 8000).into(), Terms::default());
    }
    pool
}

fn with(token: Option<Token>) -> PickKey<'static> {
    PickKey { sticky: token, ..PickKey::default() }
}

#[test]
fn a_browser_stays_on_its_card_over_reloads() {
    let mut pool = pool(Balance::RoundRobin, &[1, 2, 3]);
    let first = pool.pick(NOW, &with(None)).unwrap();
    let token = first.set_cookie.unwrap();
    let header = sticky().set_cookie(token);
    assert!(header.starts_with("card=") && header.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{header}");
    // Another process, another order, more cards: the same secret.
    let mut again = self::pool(Balance::RoundRobin, &[5, 3, 2, 1, 4]);
    let cookie = header.split(';').next().unwrap();
    let read = sticky().read([&b"a=b; other=1"[..], cookie.as_bytes()]);
    assert_eq!(read, Some(token));
    for _ in 0..10 {
        let pick = again.pick(NOW, &with(read)).unwrap();
        assert_eq!((pick.card, pick.set_cookie), (first.card, None), "the cookie is there already");
    }
}

#[test]
fn a_cookie_of_a_card_that_is_gone_falls_back_and_is_renewed() {
    for bad in [State::Down, State::Draining, State::Failing] {
        let mut pool = pool(Balance::RoundRobin, &[1, 2]);
        let token = sticky().token(CardId(1));
        pool.set_state(CardId(1), bad);
        let pick = pool.pick(NOW, &with(Some(token))).unwrap();
        assert_eq!((pick.card, pick.set_cookie), (CardId(2), Some(sticky().token(CardId(2)))));
    }
    let mut ill = pool(Balance::RoundRobin, &[1, 2]);
    ill.set_health(CardId(1), Health::Ill);
    assert_eq!(ill.pick(NOW, &with(Some(sticky().token(CardId(1))))).unwrap().card, CardId(2));
    // A token of nobody's is no token, nor is one of another service.
    let other = Sticky::new("card", ServiceId(8), SECRET).unwrap().token(CardId(1));
    for foreign in [Token(0), other] {
        assert!(
            pool(Balance::RoundRobin, &[1]).pick(NOW, &with(Some(foreign))).unwrap().set_cookie.is_some()
        );
    }
}

#[test]
fn the_cookie_is_read_strictly_and_removed_wholly() {
    let read = |text: &str| sticky().read([text.as_bytes()]);
    assert_eq!(read("card=00000000000000ff"), Some(Token(255)));
    assert_eq!(read("x=1;card = \"00000000000000ff\" ;y"), Some(Token(255)));
    for bad in
        ["card=ff", "card=00000000000000FF", "card=+0000000000000ff", "card", "cards=00000000000000ff", ""]
    {
        assert_eq!(read(bad), None, "{bad}");
    }
    let strip = |text: &str| {
        let mut left = vec![];
        let any = cookie::without("card", text.as_bytes(), &mut left);
        assert_eq!(any, !left.is_empty());
        String::from_utf8(left).unwrap()
    };
    assert_eq!(strip("a=b; card=00000000000000ff; c=\"d;e\""), "a=b; c=\"d; e\"");
    assert_eq!(strip("card=1;card=2"), "");
    assert_eq!(strip("discard=1"), "discard=1");
    assert_eq!(format!("{:?}", sticky()), "Sticky { name: \"card\", secret: \"...\", .. }");
    assert!(
        Sticky::new("a b", ServiceId(1), SECRET).is_none() && Sticky::new("", ServiceId(1), SECRET).is_none()
    );
}

#[test]
fn the_cookie_shows_nothing_of_the_inside() {
    // No two cards' values share more digits than chance has it, and none shows the card's number or address.
    let values: Vec<String> =
        (0..500).map(|card| sticky().set_cookie(sticky().token(CardId(card)))).collect();
    for (card, value) in values.iter().enumerate() {
        let digits = &value[5..21];
        assert!(!digits.contains(&format!("{card:016x}")) && !value.contains("10.1"));
        let alike = values.iter().filter(|other| other[5..11] == digits[..6]).count();
        assert_eq!(alike, 1, "{value}");
    }
}

#[test]
fn two_proxies_agree_on_every_client_whatever_the_order_of_their_cards() {
    for balance in [Balance::HashClient { bound: 0 }, Balance::HashClient { bound: 125 }, Balance::Rendezvous]
    {
        let mut ours = pool(balance, &(1..=24).collect::<Vec<_>>());
        let mut theirs = pool(balance, &(1..=24).rev().collect::<Vec<_>>());
        for n in 0..2000u32 {
            let client = client_hash(IpAddr::from(n.wrapping_mul(2_654_435_761).to_be_bytes()));
            let key = PickKey { client, ..PickKey::default() };
            let (one, other) = (ours.pick(NOW, &key).unwrap(), theirs.pick(NOW, &key).unwrap());
            assert_eq!(one.card, other.card);
            ours.finish(NOW, client, one.card, Outcome::Unknown);
            theirs.finish(NOW, client, other.card, Outcome::Unknown);
        }
    }
}

#[test]
fn clients_are_told_apart_by_what_they_cannot_change_at_will() {
    let hash = |text: &str| client_hash(text.parse().unwrap());
    assert_eq!(hash("192.0.2.1"), hash("::ffff:192.0.2.1"));
    assert_ne!(hash("192.0.2.1"), hash("192.0.2.2"));
    assert_eq!(hash("2001:db8::1"), hash("2001:db8::ffff:1:2:3"));
    assert_ne!(hash("2001:db8:0:1::1"), hash("2001:db8::1"));
}

#[test]
fn patent_row_p14_a_share_of_requests_is_copied_to_a_second_card() {
    let mirror = Mirror { card: CardId(9), per_mille: 100, seed: 42 };
    let shadow = Terms { weight: 0, max_active: 3, ..Terms::default() };
    let mut pool = pool(Balance::RoundRobin, &[1, 2]).with_mirror(mirror);
    pool.insert(CardId(9), "10.1.9.9:80".parse().unwrap(), shadow);
    let copied: Vec<u64> = (0..10_000).filter(|number| mirror.copies(*number)).collect();
    assert!((900..1100).contains(&copied.len()), "{}", copied.len());
    assert_eq!(copied, (0..10_000).filter(|number| mirror.copies(*number)).collect::<Vec<_>>());
    assert!(Mirror { per_mille: 1000, ..mirror }.copies(7) && !Mirror { per_mille: 0, ..mirror }.copies(7));
    // It never serves customers, takes no more than it may, and costs the service nothing of its own.
    (0..100).for_each(|_| assert_ne!(pool.pick(NOW, &with(None)).unwrap().card, CardId(9)));
    let copies: Vec<_> = copied.iter().filter_map(|number| pool.copy(NOW, *number)).collect();
    assert_eq!(copies.len(), 3);
    pool.finish_copy(NOW, CardId(9));
    assert!(pool.copy(NOW, copied[0]).is_some());
    pool.set_health(CardId(9), Health::Ill);
    pool.finish_copy(NOW, CardId(9));
    assert_eq!(pool.copy(NOW, copied[0]), None);
}

#[test]
fn a_pool_fails_open_or_closed_by_choice() {
    for open in [false, true] {
        let mut pool = pool(Balance::RoundRobin, &[1, 2, 3]).with_policy(Policy {
            fail_open: open,
            eject_after: 1,
            ..Policy::default()
        });
        pool.set_health(CardId(1), Health::Ill);
        pool.set_state(CardId(2), State::Down);
        pool.finish(NOW, 0, CardId(3), Outcome::Failed);
        assert!(pool.members()[2].is_ejected(NOW));
        let mut picks: Vec<u32> = (0..4).filter_map(|_| Some(pool.pick(NOW, &with(None))?.card.0)).collect();
        picks.sort_unstable();
        assert_eq!(picks, if open { vec![1, 1, 3, 3] } else { vec![] }, "never the one that is down");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever else is in the field, what is left has no trace of the cookie and all of the others.
    #[test]
    fn stripping_leaves_the_others_alone(others in prop::collection::vec("[a-z]{1,6}=[ -:<-~]{0,8}", 0..6), at in 0usize..7) {
        let others: Vec<String> = others.into_iter().map(|pair| pair.trim().to_string()).collect();
        prop_assume!(others.iter().all(|pair| !pair.starts_with("card=")));
        let mut all = others.clone();
        all.insert(at.min(all.len()), "card=00000000000000aa".into());
        let mut left = vec![];
        cookie::without("card", all.join("; ").as_bytes(), &mut left);
        prop_assert_eq!(String::from_utf8(left).unwrap(), others.join("; "));
        prop_assert_eq!(sticky().read([all.join("; ").as_bytes()]), Some(Token(0xaa)));
    }
}
