//! The server's side of a file that a peer writes.
//!
//! A block is handed to the driver as it comes, and acknowledged once it is written: who is told ACK has its octets
//! safe, or as safe as the driver makes them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::engine::{Item, Server};
use super::transfer::{Agreed, Receiving, State};
use super::{End, TransferId};
use crate::tftp::Refusal;
use crate::tftp::netascii::Decoder;
use crate::tftp::receiver::{Receiver, Step};
use crate::wire::tftp::{ErrorCode, Mode, Packet};

impl Server {
    /// The driver has made room: the peer may send.
    pub(super) fn receive(&mut self, id: TransferId, agreed: Agreed, oack: Option<Vec<u8>>) {
        let Some(transfer) = self.transfers.get_mut(&id) else { return };
        let hello = oack.unwrap_or_else(|| alloc::vec![0, 4, 0, 0]);
        transfer.state = State::Receiving(Box::new(Receiving {
            receiver: Receiver::new(agreed.blksize, agreed.window),
            decoder: Decoder::default(),
            hello,
            offset: 0,
            writing: 0,
            ack: None,
            whole: false,
        }));
        self.ask_again(id);
    }

    /// Sends again what the peer may have missed: the word to begin, or the last acknowledgement.
    pub(super) fn ask_again(&mut self, id: TransferId) {
        let Some(transfer) = self.transfers.get_mut(&id) else { return };
        let State::Receiving(receiving) = &mut transfer.state else { return };
        if receiving.receiver.has_data() {
            let number = receiving.receiver.retry();
            self.send_ack(id, number);
        } else {
            let hello = receiving.hello.clone();
            self.send_from(id, |packet| packet.extend_from_slice(&hello));
        }
    }

    pub(super) fn data(&mut self, id: TransferId, number: u16, data: &[u8]) {
        let limit = self.config.limits.written_octets;
        let mut octets = self.queue.buffer();
        let Some(transfer) = self.transfers.get_mut(&id) else { return self.queue.recycle(octets) };
        let mode = transfer.mode;
        let State::Receiving(receiving) = &mut transfer.state else { return self.queue.recycle(octets) };
        let step = receiving.receiver.data(number, data.len());
        let (ack, last) = match step {
            Step::Take { ack, last } => (ack, last),
            other => {
                self.queue.recycle(octets);
                match other {
                    // While blocks are being written, their acknowledgement is on its way.
                    Step::Again(last) if self.writing(id) == 0 => self.send_ack(id, last),
                    Step::TooLong => {
                        self.refuse_on(
                            id,
                            ErrorCode::ILLEGAL,
                            "block too long",
                            End::PeerError(ErrorCode::ILLEGAL),
                        );
                    }
                    _ => {}
                }
                return;
            }
        };
        if mode == Mode::Netascii {
            receiving.decoder.decode(data, &mut octets);
            if last {
                receiving.decoder.finish(&mut octets);
            }
        } else {
            octets.extend_from_slice(data);
        }
        let at = receiving.offset;
        receiving.offset = at.saturating_add(u64::try_from(octets.len()).unwrap_or(u64::MAX));
        if receiving.offset > limit {
            self.queue.recycle(octets);
            let (code, text) = Refusal::TooLong.reply();
            return self.refuse_on(id, code, text, End::Broken);
        }
        receiving.writing = receiving.writing.saturating_add(1);
        receiving.ack = ack.or(receiving.ack);
        receiving.whole = last;
        self.queue.push(Item::Write(id, at, last), octets);
        let deadline = self.now.saturating_add(self.config.content_timeout);
        if let Some(transfer) = self.transfers.get_mut(&id) {
            // The peer spoke, so that what it is sent next is a first try.
            transfer.backoff.answered(self.now.saturating_sub(transfer.sent_at));
            let old = transfer.deadline.replace(deadline);
            self.rearm(id, old, Some(deadline));
        }
    }

    pub(super) fn written(&mut self, id: TransferId) {
        let now = self.now;
        let Some(transfer) = self.transfers.get_mut(&id) else { return };
        let State::Receiving(receiving) = &mut transfer.state else { return };
        if receiving.writing == 0 {
            return;
        }
        receiving.writing = receiving.writing.saturating_sub(1);
        if receiving.writing > 0 {
            return;
        }
        match receiving.ack.take() {
            Some(number) => self.send_ack(id, number),
            None => {
                // Amid a window: the peer sends on.
                let old = transfer.deadline;
                transfer.sent(now);
                let new = transfer.deadline;
                self.rearm(id, old, new);
            }
        }
    }

    pub(super) fn write_failed(&mut self, id: TransferId, refusal: Refusal) {
        if self.writing(id) > 0 {
            let (code, text) = refusal.reply();
            self.refuse_on(id, code, text, End::Broken);
        }
    }

    fn writing(&self, id: TransferId) -> u32 {
        match self.transfers.get(&id).map(|transfer| &transfer.state) {
            Some(State::Receiving(receiving)) => receiving.writing,
            _ => 0,
        }
    }

    fn refuse_on(&mut self, id: TransferId, code: ErrorCode, text: &str, end: End) {
        if let Some(peer) = self.transfers.get(&id).map(|transfer| transfer.peer) {
            self.error(self.tid(id), peer, code, text);
            self.end(id, end);
        }
    }

    fn send_ack(&mut self, id: TransferId, number: u16) {
        self.send_from(id, |packet| Packet::Ack(number).emit(packet));
    }

    /// Sends what wants an answer.
    fn send_from(&mut self, id: TransferId, write: impl FnOnce(&mut Vec<u8>)) {
        let (tid, now) = (self.tid(id), self.now);
        let mut packet = self.queue.buffer();
        let Some(transfer) = self.transfers.get_mut(&id) else { return self.queue.recycle(packet) };
        write(&mut packet);
        self.queue.push(Item::Packet(tid, transfer.peer), packet);
        let old = transfer.deadline;
        transfer.sent(now);
        let new = transfer.deadline;
        self.rearm(id, old, new);
    }
}
