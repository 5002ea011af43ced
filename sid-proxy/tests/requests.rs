//! The table of requests, through a session: whole, and byte by byte.
#![allow(clippy::unwrap_used)]

mod cases;
mod rig;

use cases::{Expected, judge, requests};
use rig::Rig;

#[test]
fn each_request_has_the_fate_that_its_line_says() {
    let cases = requests();
    assert!(cases.len() >= 250, "{} cases", cases.len());
    let mut failures = Vec::new();
    for case in &cases {
        let mut rig = Rig::new();
        rig.client_sends(&case.request);
        judge(case, &rig.statuses(), &rig.to_card, &mut failures);
    }
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

#[test]
fn each_request_has_the_same_fate_byte_by_byte() {
    for case in requests().iter().filter(|case| case.request.len() < 3000) {
        let (mut whole, mut cut) = (Rig::new(), Rig::new());
        whole.client_sends(&case.request);
        case.request.iter().for_each(|byte| {
            cut.client_sends([*byte]);
        });
        assert_eq!(whole.actions, cut.actions, "{}", case.name);
    }
}

#[test]
fn what_a_card_gets_is_one_message_to_httparse() {
    for case in requests().iter().filter(|case| case.expected == Expected::Card) {
        let mut rig = Rig::new();
        rig.client_sends(&case.request);
        let mut fields = [httparse::EMPTY_HEADER; 128];
        let mut request = httparse::Request::new(&mut fields);
        assert!(matches!(request.parse(&rig.to_card), Ok(httparse::Status::Complete(_))), "{}", case.name);
        let count = |name: &str| request.headers.iter().filter(|f| f.name.eq_ignore_ascii_case(name)).count();
        assert_eq!(count("host"), 1, "{}", case.name);
        assert!(count("content-length") + count("transfer-encoding") <= 1, "{}", case.name);
        assert!(request.headers.iter().all(|field| !field.value.contains(&b'\r')), "{}", case.name);
    }
}
