// SPDX-License-Identifier: MIT
//! Judges an answer: what came back against what had to.
//!
//! Pure: is handed datagrams, and knows no socket and no process.

pub(crate) mod poison;
mod row;

use std::collections::HashSet;

use nix::errno::Errno;
use nix::libc::{EAGAIN, EBUSY, ENOBUFS, EPERM, ESRCH};

pub(crate) use row::Row;

use crate::model::{Expectation, Expected, Query, Refusal, strategy_name};
use crate::wire::{
    Attributes, HEADER, Header, NLA_TYPE_MASK, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP,
    NLM_F_DUMP_INTR, NLM_F_MULTI, NLMSG_DONE, NLMSG_ERROR, NLMSGERR_ATTR_MISS_TYPE,
    NLMSGERR_ATTR_MSG, NLMSGERR_ATTR_OFFS, NLMSGERR_ATTR_POLICY, align, u32_at,
};
use taskdiag::abi;

/// What a reader who is not the one that asked is told.
const NOT_YOURS: &str = "only the process that asked may read on";

/// Something the kernel must not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Finding(pub(crate) String);

/// Whose rows a datagram may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rights<'a> {
    /// Everybody's.
    All,
    /// Those of a plain user, and of the own process.
    User {
        uid: u32,
        gid: u32,
        own: u32,
        /// Processes that stay and that this user may not see.
        hidden: Option<&'a HashSet<u32>>,
    },
    /// Those of these processes.
    Processes(&'a [u32]),
    /// Nobody's: who reads is not who asked.
    Nobody,
}

impl Rights<'_> {
    fn permit(&self, row: &Row) -> bool {
        match *self {
            Self::All => true,
            Self::Nobody => false,
            Self::Processes(tgids) => tgids.contains(&row.tgid),
            Self::User {
                uid,
                gid,
                own,
                hidden,
            } => {
                row.tgid == own
                    || (hidden.is_none_or(|hidden| !hidden.contains(&row.tgid))
                        && row.creds.is_none_or(|creds| {
                            [creds.uid, creds.euid, creds.suid] == [uid; 3]
                                && [creds.gid, creds.egid, creds.sgid] == [gid; 3]
                        }))
            }
        }
    }
}

/// How the socket was told to answer, and who it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub(crate) family: u16,
    /// The number that answers are addressed to.
    pub(crate) port: u32,
    pub(crate) ext_ack: bool,
    pub(crate) cap_ack: bool,
    /// Answers may be lost for want of room, which the kernel then says.
    pub(crate) lossy: bool,
}

/// What was seen, for the closing line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) messages: u64,
    pub(crate) rows: u64,
    pub(crate) acks: u64,
    pub(crate) dones: u64,
    pub(crate) errnos: Vec<i32>,
}

/// A dump that has come to its end, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dump {
    pub(crate) query: Query,
    /// The numbers of its rows, in ascending order.
    pub(crate) pids: Vec<u32>,
}

/// A message that was sent, and what has come back for it.
#[derive(Debug)]
struct Asked {
    expectation: Expectation,
    /// Its bytes, which errors repeat.
    sent: Vec<u8>,
    pids: Vec<u32>,
    /// The process that the rows are threads or children of.
    relative: Option<u32>,
    failed: bool,
    ended: bool,
    acked: bool,
    /// `TASK_DIAG_CMD_FEATURES` has been answered.
    told: bool,
}

impl Asked {
    /// Nothing more comes.
    fn is_complete(&self) -> bool {
        let wants_ack = self.expectation.wants_ack();
        match &self.expectation.query {
            _ if self.failed => true,
            Some(query) if query.dump => self.ended,
            Some(_) => !self.pids.is_empty() && (!wants_ack || self.acked),
            None => {
                self.expectation.refusals.is_empty()
                    && self.expectation.features == self.told
                    && (!wants_ack || self.acked)
            }
        }
    }

    fn is_dump(&self) -> bool {
        self.expectation.query.is_some_and(|query| query.dump)
    }
}

/// Judges the answer to one or more datagrams.
#[derive(Debug)]
pub(crate) struct Oracle {
    manner: Manner,
    asked: Vec<Asked>,
    vague: bool,
    /// Some of the answer was cut off.
    blind: bool,
    lost: bool,
    pub(crate) counts: Counts,
}

impl Oracle {
    pub(crate) const fn new(manner: Manner) -> Self {
        Self {
            manner,
            asked: Vec::new(),
            vague: false,
            blind: false,
            lost: false,
            counts: Counts {
                messages: 0,
                rows: 0,
                acks: 0,
                dones: 0,
                errnos: Vec::new(),
            },
        }
    }

    /// These bytes were sent, and this has to come of it.
    pub(crate) fn asked(&mut self, bytes: &[u8], expected: Expected) {
        self.vague |= expected.vague
            || expected
                .messages
                .iter()
                .any(|message| self.find(message.header.seq).is_some());
        for expectation in expected.messages {
            self.asked.push(Asked {
                sent: bytes[expectation.place.clone()].to_vec(),
                expectation,
                pids: Vec::new(),
                relative: None,
                failed: false,
                ended: false,
                acked: false,
                told: false,
            });
        }
    }

    /// All of the answer has been seen.
    pub(crate) fn is_complete(&self) -> bool {
        !self.is_unsure() && self.asked.iter().all(Asked::is_complete)
    }

    /// Whether all of the answer has been seen cannot be told.
    pub(crate) fn is_unsure(&self) -> bool {
        self.vague || self.blind || self.lost
    }

    /// Some of the answer was lost, of which the rest may come later.
    pub(crate) const fn has_lost(&self) -> bool {
        self.lost
    }

    /// Somebody else has read some of it.
    pub(crate) const fn missed_some(&mut self) {
        self.vague = true;
    }

    /// Answers may be lost.
    pub(crate) const fn is_lossy(&self) -> bool {
        self.manner.lossy
    }

    /// What kind of answer it is, in a word, if it is one to one request.
    pub(crate) fn shape(&self) -> Option<String> {
        let [asked] = self.asked.as_slice() else {
            return None;
        };
        let request = match asked.expectation.query {
            Some(query) => format!(
                "{}{}-{}",
                strategy_name(query.strategy).to_lowercase(),
                if query.dump { "" } else { "-plain" },
                query.show,
            ),
            None => "refused".to_owned(),
        };
        let errno = self.counts.errnos.first();
        let errno = errno.map_or_else(String::new, |&errno| {
            format!("-{}", name(errno).to_lowercase())
        });
        Some(request + &errno)
    }

    /// The socket said that there was no room.
    pub(crate) fn overrun(&mut self) -> Result<(), Finding> {
        if !self.manner.lossy {
            return finding("ENOBUFS, though there was room");
        }
        self.lost = true;
        Ok(())
    }

    /// Judges a datagram, of which `bytes` may be the first part only. Some of
    /// it may have been made for a reader with fewer rights than who asked.
    pub(crate) fn datagram(
        &mut self,
        bytes: &[u8],
        len: usize,
        rights: &Rights<'_>,
    ) -> Result<(), Finding> {
        if let Some(run) = poison::find(bytes) {
            return finding(format!(
                "{} bytes {:#04x} at byte {}: memory that was never written, or freed",
                run.len, run.byte, run.at
            ));
        }
        if len == 0 {
            return finding("an empty datagram");
        }
        let whole = bytes.len() == len;
        self.blind |= !whole;
        if align(len) != len {
            return finding(format!("a datagram of {len} bytes, which is not aligned"));
        }
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let Some(header) = Header::read(rest) else {
                return self.cut_off(whole, "the last message has no header");
            };
            let length = header.len as usize;
            if length < HEADER || length > len - at || align(length) > len - at {
                return finding(format!("the length in {header:?} is none"));
            }
            let Some(payload) = rest.get(HEADER..length) else {
                self.check_address(&header)?;
                return self.cut_off(whole, "the last message is cut");
            };
            if rest[length..align(length).min(rest.len())]
                .iter()
                .any(|byte| *byte != 0)
            {
                return finding("the padding behind a message is not zero");
            }
            self.counts.messages += 1;
            self.message(header, payload, rights)
                .map_err(|Finding(what)| Finding(format!("at byte {at}, {header:?}: {what}")))?;
            at += align(length);
        }
        Ok(())
    }

    fn cut_off(&self, whole: bool, what: &str) -> Result<(), Finding> {
        if whole { finding(what) } else { Ok(()) }
    }

    fn find(&self, seq: u32) -> Option<usize> {
        self.asked
            .iter()
            .position(|asked| asked.expectation.header.seq == seq)
    }

    fn check_address(&self, header: &Header) -> Result<usize, Finding> {
        if header.pid != self.manner.port {
            return finding(format!("it is for port {}", header.pid));
        }
        match self.find(header.seq) {
            Some(index) => Ok(index),
            None => finding("it answers nothing that was asked"),
        }
    }

    fn message(
        &mut self,
        header: Header,
        payload: &[u8],
        rights: &Rights<'_>,
    ) -> Result<(), Finding> {
        if self.vague {
            // Whose it is cannot be told; that it is well formed can.
            return self.message_of_anybody(header, payload);
        }
        let index = self.check_address(&header)?;
        let what = match header.kind {
            NLMSG_ERROR => self.error(index, header, payload),
            NLMSG_DONE => self.done(index, header, payload, rights),
            kind if kind == self.manner.family => self.row(index, header, payload, rights),
            kind => Err(format!("there is no message of type {kind}")),
        };
        what.map_err(|what| {
            let query = self.asked[index].expectation.query.map_or_else(
                || "no request".to_owned(),
                |query| format!("{} of {}", strategy_name(query.strategy), query.pid),
            );
            Finding(format!("to {query}: {what}"))
        })
    }

    fn message_of_anybody(&mut self, header: Header, payload: &[u8]) -> Result<(), Finding> {
        match header.kind {
            NLMSG_ERROR | NLMSG_DONE => match u32_at(payload, 0) {
                Some(0) => Ok(()),
                Some(code) => {
                    self.counts.errnos.push((code as i32).wrapping_neg());
                    Ok(())
                }
                None => finding("it has no code"),
            },
            kind if kind == self.manner.family => {
                self.counts.rows += 1;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn row(
        &mut self,
        index: usize,
        header: Header,
        payload: &[u8],
        rights: &Rights<'_>,
    ) -> Result<(), String> {
        let asked = &mut self.asked[index];
        if asked.expectation.features {
            if asked.told || header.flags != 0 {
                return Err("what the kernel can tell, again or as a dump".to_owned());
            }
            asked.told = true;
            return row::read_features(payload);
        }
        let Some(query) = asked.expectation.query else {
            return Err(format!(
                "a row, instead of {:?}",
                asked.expectation.refusals
            ));
        };
        if asked.ended || asked.failed {
            return Err("a row behind the end".to_owned());
        }
        let (flags, allowed) = if query.dump {
            (NLM_F_MULTI, NLM_F_DUMP_INTR)
        } else {
            (0, 0)
        };
        if header.flags & !allowed != flags {
            return Err(format!("a row with flags {:#x}", header.flags));
        }
        let row = row::read(payload, query.show)?;
        let (pid, tgid) = (row.pid, row.tgid);
        if !rights.permit(&row) {
            return Err(format!("this row is not to be seen: {row:?}"));
        }
        if query.is_for_processes() && pid != tgid {
            return Err(format!("thread {pid} of process {tgid} among processes"));
        }
        let last = asked.pids.last().copied();
        if row.goes_on {
            return match last {
                Some(last) if last == pid => Ok(()),
                // What it goes on from may have been cut off.
                _ if self.blind => Ok(()),
                _ => Err(format!("more of task {pid} behind task {last:?}")),
            };
        }
        match query.strategy {
            _ if query.is_for_all() && last.is_some_and(|last| last >= pid) => {
                return Err(format!("task {pid} behind task {last:?}"));
            }
            abi::TASK_DIAG_DUMP_ONE if pid != query.pid || last.is_some() => {
                return Err(format!("a row about task {pid}"));
            }
            abi::TASK_DIAG_DUMP_THREAD if *asked.relative.get_or_insert(tgid) != tgid => {
                return Err(format!("thread {pid} of another process, {tgid}"));
            }
            _ => {}
        }
        asked.pids.push(pid);
        self.counts.rows += 1;
        Ok(())
    }

    fn error(&mut self, index: usize, header: Header, payload: &[u8]) -> Result<(), String> {
        let code = u32_at(payload, 0).ok_or("it has no code")? as i32;
        let behind = self.check_repeated(index, header, code, payload)?;
        let extended = self.extended_ack(header.flags, &payload[behind..])?;
        if code == 0 {
            return self.ack(index);
        }

        let errno = code.wrapping_neg();
        self.counts.errnos.push(errno);
        if self.manner.lossy && matches!(errno, ENOBUFS | EAGAIN) {
            // Once there is room, a dump goes on.
            self.lost = true;
            return Ok(());
        }
        let dump_before = self.asked[..index].iter().any(Asked::is_dump);
        let asked = &mut self.asked[index];
        if asked.failed || asked.ended || !asked.pids.is_empty() {
            return Err(format!("an error behind the end: {}", name(errno)));
        }
        asked.failed = true;
        let flags = asked.expectation.header.flags;
        if errno == EBUSY && dump_before && flags & NLM_F_DUMP == NLM_F_DUMP {
            return Ok(());
        }
        judge_error(&asked.expectation.refusals, errno, extended.as_ref())
    }

    fn ack(&mut self, index: usize) -> Result<(), String> {
        let unsure = self.is_unsure();
        let asked = &mut self.asked[index];
        let refusals = &asked.expectation.refusals;
        let right = match asked.expectation.query {
            // A row comes first, and a dump has an end of its own.
            Some(query) => !query.dump && (!asked.pids.is_empty() || unsure),
            None => refusals.is_empty(),
        };
        if !right || !asked.expectation.wants_ack() || asked.acked {
            return Err(format!("an acknowledgement, instead of {refusals:?}"));
        }
        asked.acked = true;
        self.counts.acks += 1;
        Ok(())
    }

    /// An error repeats the message it is about; returns how far that goes.
    fn check_repeated(
        &self,
        index: usize,
        header: Header,
        code: i32,
        payload: &[u8],
    ) -> Result<usize, String> {
        let capped = code == 0 || self.manner.cap_ack;
        let flags = if capped { NLM_F_CAPPED } else { 0 };
        if header.flags & !NLM_F_ACK_TLVS != flags {
            return Err(format!("an error with flags {:#x}", header.flags));
        }
        let sent = &self.asked[index].sent;
        let len = if capped { HEADER } else { sent.len() };
        let end = 4 + align(len);
        let Some(repeated) = payload.get(4..end) else {
            return Err("it does not repeat the message".to_owned());
        };
        if repeated[..len] != sent[..len] || repeated[len..].iter().any(|byte| *byte != 0) {
            return Err("what it repeats is not the message".to_owned());
        }
        Ok(end)
    }

    fn done(
        &mut self,
        index: usize,
        header: Header,
        payload: &[u8],
        rights: &Rights<'_>,
    ) -> Result<(), String> {
        if header.flags & !(NLM_F_DUMP_INTR | NLM_F_ACK_TLVS) != NLM_F_MULTI {
            return Err(format!("an end with flags {:#x}", header.flags));
        }
        let code = u32_at(payload, 0).ok_or("it has no code")? as i32;
        let extended = self.extended_ack(header.flags, &payload[4..])?;
        let asked = &mut self.asked[index];
        let Some(query) = asked.expectation.query.filter(|query| query.dump) else {
            return Err(format!(
                "an end, instead of {:?}",
                asked.expectation.refusals
            ));
        };
        if asked.ended || asked.failed {
            return Err("a second end".to_owned());
        }
        asked.ended = true;
        self.counts.dones += 1;
        if code == 0 {
            let certain = query.strategy == abi::TASK_DIAG_DUMP_ONE && !query.filtered;
            if certain && asked.pids.is_empty() && !self.blind {
                return Err("an end without its one row".to_owned());
            }
            return Ok(());
        }
        let errno = code.wrapping_neg();
        self.counts.errnos.push(errno);
        asked.failed = true;
        match rights {
            Rights::Nobody if errno == EPERM => match extended {
                Some(extended) if extended.text.as_deref() != Some(NOT_YOURS) => {
                    Err(format!("EPERM, saying {:?}", extended.text))
                }
                _ => Ok(()),
            },
            _ => judge_error(&asked.expectation.refusals, errno, extended.as_ref()),
        }
    }

    /// What is said beside the code, unless nobody wants to know or there was
    /// no room for it.
    fn extended_ack(&self, flags: u16, tlvs: &[u8]) -> Result<Option<Extended>, String> {
        let announced = flags & NLM_F_ACK_TLVS != 0;
        if announced && !self.manner.ext_ack {
            return Err("an extended acknowledgement that nobody asked for".to_owned());
        }
        if !announced && !tlvs.is_empty() {
            return Err("there is something behind it".to_owned());
        }
        let silent = !self.manner.ext_ack || (announced && tlvs.is_empty());
        (!silent).then(|| Extended::read(tlvs)).transpose()
    }

    /// All that was read has been judged. Returns the dumps that are whole.
    pub(crate) fn finish(self) -> Result<Vec<Dump>, Finding> {
        let unsure = self.is_unsure();
        let mut dumps = Vec::new();
        for asked in self.asked {
            let Some(query) = asked.expectation.query else {
                continue;
            };
            let mut pids = asked.pids;
            pids.sort_unstable();
            if let Some(twice) = pids.windows(2).find(|pair| pair[0] == pair[1]) {
                return finding(format!(
                    "task {} is twice in {} of {}",
                    twice[0],
                    strategy_name(query.strategy),
                    query.pid
                ));
            }
            if asked.ended && !asked.failed && !unsure {
                dumps.push(Dump { query, pids });
            }
        }
        Ok(dumps)
    }

    /// What is still to come, for messages to people.
    pub(crate) fn missing(&self) -> String {
        let missing: Vec<_> = self
            .asked
            .iter()
            .filter(|asked| !asked.is_complete())
            .map(|asked| {
                format!(
                    "the answer to {:?} after {} rows (a row or one of {:?})",
                    asked.expectation.header,
                    asked.pids.len(),
                    asked.expectation.refusals
                )
            })
            .collect();
        missing.join(", ")
    }
}

fn judge_error(
    refusals: &[Refusal],
    errno: i32,
    extended: Option<&Extended>,
) -> Result<(), String> {
    let says_so = |refusal: &Refusal, extended: &Extended| {
        let text = refusal.text.is_none() || refusal.text == extended.text;
        // Of a task that has just gone, nothing is pointed at.
        let at = refusal.at.is_none()
            || refusal.at == extended.at
            || (errno == ESRCH && extended.at.is_none());
        text && at
    };
    let fits = |refusal: &Refusal| {
        refusal.errno == errno && extended.is_none_or(|extended| says_so(refusal, extended))
    };
    if refusals.iter().any(fits) {
        return Ok(());
    }
    Err(format!(
        "{} {extended:?}, instead of {refusals:?}",
        name(errno)
    ))
}

/// What an extended acknowledgement says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Extended {
    text: Option<String>,
    at: Option<u32>,
}

impl Extended {
    fn read(tlvs: &[u8]) -> Result<Self, String> {
        let mut extended = Self::default();
        let mut walk = Attributes::new(tlvs);
        for attribute in walk.by_ref() {
            let value = attribute.value;
            match attribute.kind & NLA_TYPE_MASK {
                NLMSGERR_ATTR_MSG => {
                    let Some((0, text)) = value.split_last() else {
                        return Err("its text has no end".to_owned());
                    };
                    if !text.iter().all(|byte| (b' '..=b'~').contains(byte)) {
                        return Err(format!("its text is no text: {text:02x?}"));
                    }
                    extended.text = Some(String::from_utf8_lossy(text).into_owned());
                }
                NLMSGERR_ATTR_OFFS if value.len() == 4 => extended.at = u32_at(value, 0),
                NLMSGERR_ATTR_MISS_TYPE if value.len() == 4 => {}
                NLMSGERR_ATTR_POLICY => {}
                kind => {
                    let len = value.len();
                    return Err(format!("attribute {kind} of {len} bytes behind it"));
                }
            }
        }
        if walk.rest().is_empty() {
            Ok(extended)
        } else {
            Err("its extended acknowledgement is cut".to_owned())
        }
    }
}

fn name(errno: i32) -> String {
    format!("{:?}", Errno::from_raw(errno))
}

fn finding<T>(what: impl Into<String>) -> Result<T, Finding> {
    Err(Finding(what.into()))
}

#[cfg(test)]
mod tests;
