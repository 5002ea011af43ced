//! A customer who is kept on a card by a cookie, and one who asks too much, over whole HTTP conversations.
#![allow(clippy::unwrap_used)]

mod rig;

use rig::{Rig, SHOP};
use sid_proxy::http::Refusal;
use sid_proxy::pool::{Policy, State, Sticky};
use sid_proxy::{CardId, ServiceId};

fn sticky(hidden: bool) -> Sticky {
    Sticky::new("at", ServiceId(1), [7; 16]).unwrap().with_hidden(hidden)
}

fn rig(hidden: bool) -> Rig {
    let mut rig = Rig::new();
    let pool = rig.pools.remove(SHOP).unwrap().with_sticky(sticky(hidden));
    rig.pools.insert(SHOP, pool);
    rig
}

fn get(cookie: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: www.sell.com\r\nX-One: 1\r\n{cookie}Accept: */*\r\n\r\n")
}

const OK: &str = "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\nhi";

#[test]
fn a_customer_gets_the_cookie_once_and_comes_back_to_the_card() {
    let mut rig = rig(true);
    rig.client_sends(get("")).card_sends(OK);
    let text = rig.client_text();
    let card = rig.picks[0];
    let expected = format!("Set-Cookie: {}\r\n", sticky(true).set_cookie(sticky(true).token(card)));
    assert!(text.contains(&expected) && text.contains("Set-Cookie: a=b\r\n"), "{text}");
    let cookie = expected.strip_prefix("Set-Cookie: ").unwrap().split(';').next().unwrap();
    for _ in 0..5 {
        rig.to_client.clear();
        rig.to_card.clear();
        rig.client_sends(get(&format!("Cookie: x=1; {cookie}; y=2\r\n"))).card_sends(OK);
        assert!(!rig.client_text().contains("at="), "it has the cookie");
        let asked = rig.card_text();
        assert!(
            asked.contains("\r\nCookie: x=1; y=2\r\nAccept: */*\r\n") && !asked.contains("at="),
            "{asked}"
        );
    }
    // Where nothing else is in the field, there is no field.
    rig.to_card.clear();
    rig.client_sends(get(&format!("COOKIE:{cookie}\r\n"))).card_sends(OK);
    assert!(
        rig.card_text().contains("X-One: 1\r\nAccept") && !rig.card_text().to_lowercase().contains("cookie")
    );
    assert!(rig.picks.iter().all(|pick| *pick == card), "{:?}", rig.picks);
}

#[test]
fn a_card_may_see_the_cookie_if_it_is_to() {
    let mut rig = rig(false);
    rig.client_sends(get("Cookie: at=0000000000000001\r\n")).card_sends(OK);
    assert!(rig.card_text().contains("Cookie: at=0000000000000001\r\n"));
    assert!(rig.client_text().contains("Set-Cookie: at="), "it was nobody's");
}

#[test]
fn a_customer_whose_card_is_gone_gets_another_and_its_cookie() {
    let mut rig = rig(true);
    let cookie = |card| sticky(true).set_cookie(sticky(true).token(CardId(card)));
    rig.state(1, State::Draining);
    rig.client_sends(get(&format!("Cookie: {}\r\n", cookie(1).split(';').next().unwrap()))).card_sends(OK);
    assert_eq!(rig.picks, [CardId(2)]);
    assert!(rig.client_text().contains(&cookie(2)));
    // The same when it fails while it is asked: the answer sets the cookie of the card that gave it.
    let mut rig = self::rig(true);
    rig.refusing.insert(CardId(1));
    rig.client_sends(get(&format!("Cookie: {}\r\n", cookie(1).split(';').next().unwrap()))).card_sends(OK);
    assert_eq!(rig.picks, [CardId(1), CardId(2)]);
    assert!(rig.client_text().contains(&cookie(2)) && !rig.client_text().contains(&cookie(1)));
}

#[test]
fn who_asks_too_much_is_told_when_to_ask_again() {
    for (policy, status) in [
        (Policy { max_per_client: 0, ..Policy::default() }, "429 Too Many Requests"),
        (Policy { max_active: 0, ..Policy::default() }, "503 Service Unavailable"),
    ] {
        let mut rig = Rig::new();
        let pool = rig.pools.remove(SHOP).unwrap().with_policy(policy);
        rig.pools.insert(SHOP, pool);
        rig.client_sends(get(""));
        let text = rig.client_text();
        assert!(text.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{text}");
        assert!(
            text.contains("\r\nRetry-After: ") && text.contains("error=connection_limit_reached"),
            "{text}"
        );
        assert_eq!(rig.done[0].refusal, Some(Refusal::Busy));
        assert_eq!(rig.closed, None, "the connection goes on");
    }
}
