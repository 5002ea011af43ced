//! FTP sessions at the points where tests begin.

use super::{Lab, peer};
use sid_proxy::ftp::{Config, Input, Inside, Session, Side};
use sid_proxy::{RouteTable, ServiceId, Sid};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub const FAILED: &str = "530 Login incorrect.\r\n";
pub const UNAVAILABLE: &str = "421 Service not available, try again later.\r\n";

pub fn table() -> RouteTable {
    let mut builder = RouteTable::builder(1);
    builder.add(Sid::Ftp("@sell.com"), ServiceId(1)).unwrap();
    builder.add(Sid::Ftp("bob@sell.com"), ServiceId(2)).unwrap();
    builder.add(Sid::Ftp("anonymous"), ServiceId(3)).unwrap();
    builder.build().unwrap()
}

pub fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub fn config() -> Config {
    let networks = vec![("10.1.0.0".parse().unwrap(), 16)];
    Config { inside: Inside { networks, names: vec!["cards.example".into()] }, ..Config::default() }
}

pub fn lab_with(config: Config) -> Lab<Session> {
    let mut lab = Lab::new(Session::new(Arc::new(config), peer(), Duration::ZERO), table());
    assert_eq!(lab.heard(Side::Client), "220 sid-proxy FTP ready.\r\n");
    lab
}

pub fn lab() -> Lab<Session> {
    lab_with(config())
}

/// A session that is logged in.
pub fn inside_with(config: Config) -> Lab<Session> {
    let mut lab = lab_with(config);
    log_in(&mut lab);
    lab
}

pub fn log_in(lab: &mut Lab<Session>) {
    assert_eq!(lab.client("USER amy@sell.com\r\nPASS secret\r\n"), "331 Password required.\r\n");
    assert_eq!(
        lab.card("220-Welcome to node3 at 10.1.2.1\r\n220 (vsFTPd 3.0.3)\r\n"),
        "USER amy@sell.com\r\n"
    );
    assert_eq!(lab.card("331 Please specify the password.\r\n"), "PASS secret\r\n");
    lab.card("230-Hello\r\n230 Login successful.\r\n");
    assert_eq!(lab.heard(Side::Client), "230-Hello\r\n230 Login successful.\r\n");
}

pub fn inside() -> Lab<Session> {
    inside_with(config())
}

/// Arranges data connections by PASV with the customer and EPSV with the card.
pub fn arrange(lab: &mut Lab<Session>) {
    lab.client("PASV\r\n");
    lab.tell(Input::Listening { leg: Side::Client, address: at("198.51.100.1:50001") });
    assert_eq!(lab.heard(Side::Card), "EPSV\r\n");
    lab.card("229 Entering Extended Passive Mode (|||6446|)\r\n");
    assert_eq!(lab.heard(Side::Client), "227 Entering Passive Mode (198,51,100,1,195,81).\r\n");
    lab.done();
}
