#![no_main]
//! POP3 and FTP sessions with a driver that does what it is told: nothing panics or spins, outputs mean a deadline of
//! zero, an error changes nothing, and no inside address is said to a customer.

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sid_proxy::session::{Input, Output, Peer, Session, Side};
use sid_proxy::{CardId, Decision, Matched, RouteId, ServiceId, ftp, pop3};
use std::sync::Arc;
use std::time::Duration;

#[derive(Arbitrary, Debug)]
enum Step {
    Client(Vec<u8>),
    Card(Vec<u8>),
    /// What customers and cards really say.
    Said(u8),
    End(bool),
    Broken(bool),
    Carried(bool),
    Wait(u16),
    Drain,
}

const CLIENT: [&str; 22] = [
    "USER amy@sell.com\r\n", "PASS secret\r\n", "AUTH PLAIN AGFteUBzZWxsLmNvbQBzZWNyZXQ=\r\n", "AUTH LOGIN\r\n",
    "YW15QHNlbGwuY29t\r\n", "c2VjcmV0\r\n", "CAPA\r\n", "STLS\r\n", "STAT\r\n", "LIST\r\n", "RETR 1\r\n", "QUIT\r\n",
    "AUTH TLS\r\n", "PBSZ 0\r\n", "PROT P\r\n", "PASV\r\n", "EPSV\r\n", "PORT 192,0,2,7,10,10\r\n",
    "EPRT |1|192.0.2.7|2570|\r\n", "RETR file\r\n", "ABOR\r\n", "REIN\r\n",
];
const CARD: [&str; 14] = [
    "+OK ready at 10.1.1.1\r\n", "+OK\r\n", "-ERR no 10.1.1.1\r\n", "+ \r\n", "220 card-1-1 at 10.1.1.1\r\n",
    "331 more\r\n", "230 welcome to 10.1.1.1\r\n", "227 Entering Passive Mode (10,1,1,1,4,1)\r\n",
    "229 ok (|||1025|)\r\n", "150 here it comes from 10.1.1.1\r\n", "226 done\r\n", "211-FEAT\r\n EPSV\r\n211 end\r\n",
    "500 what\r\n", ".\r\n",
];

#[derive(Default)]
struct End {
    unread: Vec<u8>,
    ended: bool,
    forward: u64,
}

struct Rig<S> {
    session: S,
    now: Duration,
    ends: [End; 2],
    said: Vec<u8>,
}

fn at(side: Side) -> usize {
    usize::from(side == Side::Card)
}

impl<S: Session> Rig<S> {
    fn tell(&mut self, input: Input<'_>) -> usize {
        let before = self.session.clone();
        let taken = self.session.handle(self.now, input);
        if taken.is_err() {
            assert_eq!(before, self.session, "an error changed something");
        }
        taken.unwrap_or(0)
    }

    fn pump(&mut self) {
        for _ in 0..100_000 {
            if !(self.drain() | self.offer(Side::Client) | self.offer(Side::Card)) {
                return;
            }
        }
        panic!("the session spins");
    }

    fn drain(&mut self) -> bool {
        let mut any = false;
        loop {
            let due = self.session.deadline();
            let Some(output) = self.session.poll_output() else { return any };
            assert_eq!(due, Some(Duration::ZERO), "a lost wake-up");
            any = true;
            let route = RouteId(0);
            let service = ServiceId(0);
            let found = Decision { route, service, matched: Matched::Default, prefix_len: 0, strip_len: 0 };
            let answer = match output {
                Output::Route { .. } => Input::Routed(Ok(found)),
                Output::Pick { tried, .. } if tried.len() > 1 => Input::NoCard,
                Output::Pick { tried, .. } => {
                    Input::Picked { card: CardId(tried.len() as u32), address: ([10, 1, 1, 1], 21).into() }
                }
                Output::Connect { .. } => Input::Connected { reused: false },
                Output::Release { .. } => {
                    self.ends = [std::mem::take(&mut self.ends[0]), End::default()];
                    self.ends[0].forward = 0;
                    continue;
                }
                Output::Send { to: Side::Client, bytes } => {
                    self.said.extend_from_slice(bytes);
                    continue;
                }
                Output::Send { .. } => continue,
                Output::Forward { from, len } => {
                    self.ends[at(from)].forward = len;
                    continue;
                }
                Output::Secure => Input::Secured,
                Output::Listen { leg, .. } => {
                    Input::Listening { leg, address: ([198, 51, 100, 1], 4000).into() }
                }
                _ => continue,
            };
            self.tell(answer);
        }
    }

    fn offer(&mut self, side: Side) -> bool {
        let end = std::mem::take(&mut self.ends[at(side)]);
        let End { mut unread, ended, mut forward } = end;
        let mut moved = false;
        if forward > 0 && !unread.is_empty() {
            let len = unread.len().min(usize::try_from(forward).unwrap_or(usize::MAX));
            unread.drain(..len);
            if forward != u64::MAX {
                forward -= len as u64;
            }
            self.ends[at(side)] = End { unread, ended, forward };
            self.tell(Input::Forwarded { from: side, len: len as u64 });
            return true;
        }
        if forward == 0 && !unread.is_empty() || ended {
            let bytes = if forward == 0 { unread.clone() } else { Vec::new() };
            let taken = self.tell(Input::Data { side, bytes: &bytes, end: ended });
            unread.drain(..taken);
            moved = taken > 0;
        }
        let later = std::mem::take(&mut self.ends[at(side)]);
        self.ends[at(side)] = End { unread, ended, forward: forward.max(later.forward) };
        moved
    }

    fn run(mut self, steps: &[Step]) {
        self.pump();
        for step in steps.iter().take(64) {
            match step {
                Step::Client(bytes) => self.ends[0].unread.extend_from_slice(bytes),
                Step::Card(bytes) => self.ends[1].unread.extend_from_slice(bytes),
                Step::Said(which) => {
                    let which = usize::from(*which);
                    match CLIENT.get(which) {
                        Some(line) => self.ends[0].unread.extend_from_slice(line.as_bytes()),
                        None => {
                            let line = CARD[(which - CLIENT.len()) % CARD.len()];
                            self.ends[1].unread.extend_from_slice(line.as_bytes());
                        }
                    }
                }
                Step::End(card) => self.ends[usize::from(*card)].ended = true,
                Step::Broken(card) => {
                    let side = if *card { Side::Card } else { Side::Client };
                    self.tell(Input::Broken { side });
                }
                Step::Carried(complete) => {
                    self.tell(Input::Carried { complete: *complete });
                }
                Step::Wait(seconds) => {
                    self.now += Duration::from_secs(u64::from(*seconds) % 1000);
                    self.tell(Input::Tick);
                }
                Step::Drain => {
                    self.tell(Input::Drain);
                }
            }
            self.pump();
        }
        for inside in [&b"10.1.1.1"[..], b"10,1,1,1"] {
            assert!(!self.said.windows(inside.len()).any(|said| said == inside), "an inside address is said");
        }
    }
}

fuzz_target!(|steps: Vec<Step>| {
    let peer = Peer { client: ([192, 0, 2, 7], 4711).into(), local: ([198, 51, 100, 1], 21).into(), trusted: false };
    // A customer who says the address himself may hear it again.
    let own = |step: &Step| matches!(step, Step::Client(bytes) if bytes.windows(3).any(|w| w == b"10." || w == b"10,"));
    if steps.iter().any(own) {
        return;
    }
    let rig = |session| Rig { session, now: Duration::ZERO, ends: Default::default(), said: Vec::new() };
    rig(pop3::Session::new(Arc::new(pop3::Config::default()), peer, Duration::ZERO)).run(&steps);
    let rig = |session| Rig { session, now: Duration::ZERO, ends: Default::default(), said: Vec::new() };
    rig(ftp::Session::new(Arc::new(ftp::Config::default()), peer, Duration::ZERO)).run(&steps);
});
