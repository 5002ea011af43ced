//! RFC 9112, clause by clause, through a whole session.
#![allow(clippy::unwrap_used)]

mod rig;

use rig::{GET, OK, Rig};

/// What a fresh session answers to bytes from a customer, without a card's help.
fn answer(request: &str) -> u16 {
    let mut rig = Rig::new();
    rig.client_sends(request);
    assert_eq!(rig.to_card, b"", "nothing of {request:?} may reach a card");
    rig.statuses().first().copied().unwrap_or(0)
}

/// What a card gets of a request.
fn forwarded(request: &str) -> String {
    let mut rig = Rig::new();
    rig.client_sends(request);
    assert_eq!(rig.client_text(), "", "{request:?} is not for the proxy to answer");
    rig.card_text()
}

/// What a customer gets of a card's answer.
fn answered(request: &str, response: &str) -> String {
    let mut rig = Rig::new();
    rig.client_sends(request).card_sends(response);
    rig.client_text()
}

#[test]
fn s2_2_empty_lines_before_a_request_are_skipped() {
    assert!(forwarded("\r\n\r\nGET / HTTP/1.1\r\nHost: www.sell.com\r\n\r\n").starts_with("GET / "));
}

#[test]
fn s2_2_bare_cr_is_invalid() {
    assert_eq!(answer("GET / HTTP/1.1\r\nHost: www.sell.com\r\nA: b\rc\r\n\r\n"), 400);
}

#[test]
fn s2_2_bare_lf_is_refused_where_it_could_be_taken() {
    assert_eq!(answer("GET / HTTP/1.1\nHost: www.sell.com\r\n\r\n"), 400);
    assert_eq!(answer("GET / HTTP/1.1\r\nHost: www.sell.com\nA: b\r\n\r\n"), 400);
    assert_eq!(answer("GET / HTTP/1.1\r\nHost: www.sell.com\r\n\n"), 400);
}

#[test]
fn s2_2_white_space_before_the_first_field_is_refused() {
    assert_eq!(answer("GET / HTTP/1.1\r\n Host: www.sell.com\r\n\r\n"), 400);
}

#[test]
fn s3_a_target_that_is_too_long_is_414() {
    let request = format!("GET /{} HTTP/1.1\r\nHost: www.sell.com\r\n\r\n", "a".repeat(9000));
    assert_eq!(answer(&request), 414);
}

#[test]
fn s3_2_no_host_in_1_1_is_400() {
    assert_eq!(answer("GET / HTTP/1.1\r\n\r\n"), 400);
}

#[test]
fn s3_2_two_hosts_are_400_even_if_equal() {
    assert_eq!(answer("GET / HTTP/1.1\r\nHost: www.sell.com\r\nHost: other\r\n\r\n"), 400);
    assert_eq!(answer("GET / HTTP/1.1\r\nHost: www.sell.com\r\nHost: www.sell.com\r\n\r\n"), 400);
}

#[test]
fn s3_2_an_invalid_host_is_400() {
    for host in
        ["a/b", "u@www.sell.com", "", "a b", "a..b", "www.sell.com:x", "www.sell.com:99999", "[::1", "a,b"]
    {
        assert_eq!(answer(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")), 400, "{host:?}");
    }
}

#[test]
fn s3_2_2_absolute_form_wins_over_host() {
    let text = forwarded("GET http://WWW.sell.com:8080/x?y HTTP/1.1\r\nHost: other.example\r\n\r\n");
    assert!(text.starts_with("GET /x?y HTTP/1.1\r\nHost: www.sell.com:8080\r\n"), "{text}");
    assert_eq!(answer("GET http://u@www.sell.com/ HTTP/1.1\r\nHost: www.sell.com\r\n\r\n"), 400);
    assert_eq!(answer("GET ftp://www.sell.com/ HTTP/1.1\r\nHost: www.sell.com\r\n\r\n"), 400);
}

#[test]
fn s3_2_3_authority_form_is_for_connect_only() {
    assert_eq!(answer("GET www.sell.com:80 HTTP/1.1\r\nHost: www.sell.com\r\n\r\n"), 400);
    assert_eq!(answer("CONNECT www.sell.com:80 HTTP/1.1\r\nHost: www.sell.com\r\n\r\n"), 501);
}

#[test]
fn s3_2_4_asterisk_form_is_for_options_only() {
    assert_eq!(answer("GET * HTTP/1.1\r\nHost: www.sell.com\r\n\r\n"), 400);
    assert!(forwarded("OPTIONS * HTTP/1.1\r\nHost: www.sell.com\r\n\r\n").starts_with("OPTIONS * HTTP/1.1"));
    let text = forwarded("OPTIONS http://www.sell.com HTTP/1.1\r\nHost: www.sell.com\r\n\r\n");
    assert!(text.starts_with("OPTIONS * HTTP/1.1"));
}

#[test]
fn s5_1_white_space_before_a_colon_is_400() {
    assert_eq!(answer("GET / HTTP/1.1\r\nHost : www.sell.com\r\n\r\n"), 400);
}

#[test]
fn s5_2_folded_lines_are_400() {
    assert_eq!(answer("GET / HTTP/1.1\r\nHost: www.sell.com\r\nA: b\r\n c\r\n\r\n"), 400);
}

#[test]
fn s5_2_folded_lines_of_a_card_become_spaces() {
    let text = answered(GET, "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n");
    assert!(text.contains("\r\nA: b"), "{text}");
    assert!(!text.contains("\r\n c"), "{text}");
}

#[test]
fn s6_1_a_coding_and_a_length_at_once_are_400() {
    let request =
        "POST / HTTP/1.1\r\nHost: www.sell.com\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(answer(request), 400);
}

#[test]
fn s6_1_a_coding_in_1_0_is_400() {
    assert_eq!(answer("POST / HTTP/1.0\r\nHost: www.sell.com\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
}

#[test]
fn s6_3_a_final_coding_other_than_chunked_is_400_and_others_before_it_501() {
    for (coding, status) in [
        ("gzip", 400),
        ("chunked, gzip", 400),
        ("chunked, chunked", 400),
        ("xchunked", 400),
        ("", 400),
        ("chunked;q=1", 400),
        ("gzip, chunked", 501),
    ] {
        let request = format!("POST / HTTP/1.1\r\nHost: www.sell.com\r\nTransfer-Encoding: {coding}\r\n\r\n");
        assert_eq!(answer(&request), status, "{coding:?}");
    }
}

#[test]
fn s6_3_an_invalid_length_is_400() {
    for length in ["+1", "-1", "1 ", "0x1", "1,1", "1, 2", "a", "", "99999999999999999999", "1\t2"] {
        let request = format!("POST / HTTP/1.1\r\nHost: www.sell.com\r\nContent-Length: {length}\r\n\r\n");
        if length == "1 " {
            // White space around a value is no part of it.
            assert!(forwarded(&request).contains("Content-Length: 1\r\n"));
        } else {
            assert_eq!(answer(&request), 400, "{length:?}");
        }
    }
    let twice = "POST / HTTP/1.1\r\nHost: www.sell.com\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n";
    assert_eq!(answer(twice), 400);
}

#[test]
fn s6_3_an_invalid_length_of_a_card_is_502_and_its_connection_ends() {
    for response in [
        "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhi",
        "HTTP/1.1 20 OK\r\n\r\n",
        "nonsense\r\n\r\n",
    ] {
        let mut rig = Rig::new();
        rig.client_sends(GET).card_sends(response);
        assert_eq!(rig.statuses(), [502], "{response:?}");
        assert!(rig.released.iter().all(|(_, reusable)| !reusable));
    }
}

#[test]
fn s6_3_a_coding_of_a_card_wins_over_its_length_and_its_connection_ends() {
    let mut rig = Rig::new();
    rig.client_sends(GET);
    rig.card_sends(
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    );
    let text = rig.client_text();
    assert!(text.ends_with("\r\n\r\n2\r\nhi\r\n0\r\n\r\n") && !text.contains("Content-Length"), "{text}");
    assert!(!rig.released[0].1);
}

#[test]
fn s6_3_a_body_until_the_end_is_whole_at_the_end() {
    let mut rig = Rig::new();
    rig.client_sends(GET).card_sends("HTTP/1.1 200 OK\r\n\r\nhello").card_sends(" world").card_ends();
    let text = rig.client_text();
    assert!(text.contains("Connection: close\r\n") && text.ends_with("\r\n\r\nhello world"), "{text}");
    assert!(rig.done[0].complete);
    assert_eq!(rig.done[0].response_bytes, 11);
}

#[test]
fn s6_3_no_body_after_head_204_304_and_1xx() {
    let head = "HEAD / HTTP/1.1\r\nHost: www.sell.com\r\n\r\n";
    let mut rig = Rig::new();
    rig.client_sends(head).card_sends("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    assert!(rig.client_text().contains("Content-Length: 5\r\n"));
    rig.client_sends(GET).card_sends("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n");
    rig.client_sends(GET).card_sends("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(rig.client_text().matches("Content-Length: 5").count(), 2);
    rig.client_sends(GET).card_sends("HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n").card_sends(OK);
    assert_eq!(rig.statuses(), [200, 304, 204, 103, 200]);
    assert_eq!(rig.closed, None);
}

#[test]
fn s7_1_chunks_pass_as_chunks_without_extensions() {
    let head = "POST / HTTP/1.1\r\nHost: www.sell.com\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut rig = Rig::new();
    rig.client_sends(head)
        .client_sends("005;a=b\r\nhello\r\n3 ;x\r\nabc\r\n0\r\nX-Check: 1\r\nHost: evil\r\n\r\n");
    let text = rig.card_text();
    assert!(text.ends_with("\r\n\r\n5\r\nhello\r\n3\r\nabc\r\n0\r\nX-Check: 1\r\n\r\n"), "{text}");
    rig.card_sends(OK);
    assert_eq!(rig.done[0].request_bytes, 8);
    assert_eq!(rig.closed, None, "the connection goes on");
}

#[test]
fn s7_1_malformed_chunks_end_both_connections() {
    let head = "POST / HTTP/1.1\r\nHost: www.sell.com\r\nTransfer-Encoding: chunked\r\n\r\n";
    for chunk in [
        "x\r\n",
        "5\nhello\r\n",
        "-1\r\n",
        "5\r\nhelloX\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "\r\n",
        "0x5\r\nhello\r\n",
        "fffffffffffffffff\r\n",
        "5;\x01\r\nhello",
        " 5\r\nhello\r\n",
        "0\r\n\n",
        "0\r\nA : b\r\n\r\n",
        "0\r\nA: b\n\r\n",
    ] {
        let mut rig = Rig::new();
        rig.client_sends(head).client_sends(chunk);
        assert_eq!(rig.statuses(), [400], "{chunk:?}");
        assert_eq!(rig.released, [(rig.picks[0], false)], "{chunk:?}");
    }
}

#[test]
fn s8_an_answer_cut_short_is_shown_as_cut_short() {
    for response in [
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ] {
        let mut rig = Rig::new();
        rig.client_sends(GET).card_sends(response).card_ends();
        assert_eq!(rig.closed, Some(true), "{response:?}");
        assert!(!rig.done[0].complete);
    }
}

#[test]
fn s9_3_connections_persist_and_pipelined_answers_keep_their_order() {
    let mut rig = Rig::new();
    let three = ["/1", "/2", "/3"].map(|path| GET.replace("/ ", &format!("{path} "))).concat();
    rig.client_sends(three);
    for n in 1..=3 {
        assert!(
            rig.card_text().contains(&format!("GET /{n} "))
                && !rig.card_text().contains(&format!("GET /{} ", n + 1))
        );
        rig.card_sends(format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{n}"));
    }
    let text = rig.client_text();
    assert_eq!(rig.statuses(), [200, 200, 200]);
    assert!(text.find("\r\n\r\n1").unwrap() < text.find("\r\n\r\n2").unwrap());
    assert_eq!(rig.closed, None);
}

#[test]
fn s9_3_1_0_gets_no_persistence_and_no_chunks() {
    let mut rig = Rig::new();
    rig.client_sends("GET / HTTP/1.0\r\nHost: www.sell.com\r\nConnection: keep-alive\r\n\r\n");
    rig.card_sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    let text = rig.client_text();
    assert!(text.ends_with("Connection: close\r\n\r\nhello") && !text.contains("chunked"), "{text}");
    assert_eq!(rig.closed, Some(false));
}

#[test]
fn s9_6_close_is_answered_with_close() {
    let mut rig = Rig::new();
    rig.client_sends("GET / HTTP/1.1\r\nHost: www.sell.com\r\nConnection: close\r\n\r\n").card_sends(OK);
    assert!(rig.client_text().contains("Connection: close\r\n"));
    assert_eq!(rig.closed, Some(false));
    assert_eq!(rig.released, [(rig.picks[0], true)], "the card's connection is not the customer's");
}

#[test]
fn s9_6_what_a_refused_customer_still_sends_is_dropped_before_the_end() {
    let mut rig = Rig::new();
    rig.client_sends("GET / HTTP/1.1\r\n\r\n").client_sends("more and more");
    assert_eq!(rig.client.unread, b"");
    assert_eq!((rig.closed, rig.finished.len()), (None, 1));
    rig.wait();
    assert_eq!(rig.closed, Some(false));
}
