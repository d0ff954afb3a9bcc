// SPDX-License-Identifier: MIT
//! The asynchronous client over datagrams made by hand: what a kernel cannot
//! be asked to do.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;

use bytes::BufMut;
use netlink_proto::sys::AsyncSocket;

use super::*;
use crate::abi::{self, TaskDiagCreds, TaskDiagMsg};
use crate::netlink::TaskDiagAttr;
use crate::request::Scope;

const FAMILY: u16 = 0x1d;
/// netlink-proto counts its requests: the first is for the family.
const RESOLVE_SEQ: u32 = 1;
const SEQ: u32 = 2;

enum Event {
    Datagram(Vec<u8>),
    Fault(Error),
}

thread_local! {
    static SCRIPT: RefCell<VecDeque<Event>> = const { RefCell::new(VecDeque::new()) };
}

/// Plays this thread's script; the answer to the request follows when that
/// has been sent.
struct Script {
    socket: netlink_sys::Socket,
    scope: Scope,
    sent: RefCell<u32>,
    receives: RefCell<u64>,
    fault: RefCell<Option<Error>>,
}

impl Link for Script {
    fn set_scope(&mut self, scope: Scope) {
        self.scope = scope;
    }

    fn received(&mut self) -> (u64, u64) {
        (*self.receives.borrow(), 0)
    }

    fn fault(&mut self) -> Option<Error> {
        self.fault.take()
    }
}

impl AsyncSocket for Script {
    fn socket_ref(&self) -> &netlink_sys::Socket {
        &self.socket
    }

    fn socket_mut(&mut self) -> &mut netlink_sys::Socket {
        &mut self.socket
    }

    fn new(protocol: isize) -> io::Result<Self> {
        Ok(Self {
            socket: netlink_sys::Socket::new(protocol)?,
            scope: Scope::Own,
            sent: RefCell::new(0),
            receives: RefCell::new(0),
            fault: RefCell::new(None),
        })
    }

    fn poll_send(&self, _: &mut Context<'_>, message: &[u8]) -> Poll<io::Result<usize>> {
        *self.sent.borrow_mut() += 1;
        let scope = match *self.sent.borrow() {
            RESOLVE_SEQ => Scope::Own,
            _ => Scope::Process(9),
        };
        assert_eq!(self.scope, scope);
        Poll::Ready(Ok(message.len()))
    }

    fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        message: &[u8],
        _: &SocketAddr,
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, message)
    }

    fn poll_recv<B: BufMut>(&self, cx: &mut Context<'_>, buffer: &mut B) -> Poll<io::Result<()>> {
        // The first datagram answers the first request, the others the second.
        let received = *self.receives.borrow();
        if u64::from(*self.sent.borrow()) < 1 + received.min(1) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match SCRIPT.with_borrow_mut(VecDeque::pop_front) {
            Some(Event::Datagram(datagram)) => {
                *self.receives.borrow_mut() += 1;
                buffer.put_slice(&datagram);
                Poll::Ready(Ok(()))
            }
            Some(Event::Fault(error)) => {
                *self.fault.borrow_mut() = Some(error);
                Poll::Ready(Err(io::Error::other("told apart")))
            }
            None => Poll::Pending,
        }
    }

    fn poll_recv_from<B: BufMut>(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut B,
    ) -> Poll<io::Result<SocketAddr>> {
        self.poll_recv(cx, buffer)
            .map_ok(|()| SocketAddr::new(0, 0))
    }

    fn poll_recv_from_full(&self, _: &mut Context<'_>) -> Poll<io::Result<(Vec<u8>, SocketAddr)>> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }
}

fn message(kind: u16, flags: u16, seq: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (16 + payload.len() as u32).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(seq.to_ne_bytes());
    bytes.extend(4711u32.to_ne_bytes());
    bytes.extend(payload);
    bytes
}

/// The controller's answer: CTRL_CMD_NEWFAMILY with CTRL_ATTR_FAMILY_ID.
fn family() -> Vec<u8> {
    let attribute = [6u16, 1, FAMILY, 0].map(u16::to_ne_bytes).concat();
    message(
        0x10,
        0,
        RESOLVE_SEQ,
        &[&[1, 2, 0, 0][..], &attribute].concat(),
    )
}

fn row(flags: u16, pid: u32, task_flags: u32) -> Vec<u8> {
    let msg = TaskDiagAttr::Msg(TaskDiagMsg {
        pid,
        tgid: pid,
        flags: task_flags,
    });
    let group = TaskDiagAttr::Cred(TaskDiagCreds {
        uid: pid,
        ..Default::default()
    });
    let attributes = match task_flags & abi::TASK_DIAG_FLAG_CONT {
        0 => vec![msg],
        _ => vec![msg, group],
    };
    encode(TaskDiagMessage::get(attributes), FAMILY, SEQ, flags)
}

fn done(flags: u16, code: i32) -> Vec<u8> {
    message(3, flags, SEQ, &code.to_ne_bytes())
}

async fn open(script: impl IntoIterator<Item = Event>) -> Result<Answer<Script>> {
    SCRIPT.with_borrow_mut(|events| {
        events.clear();
        events.extend(script);
    });
    let request = Request::new(Strategy::All)
        .show(Show::empty())
        .scope(Scope::Process(9));
    let flags = NLM_F_REQUEST | NLM_F_DUMP;
    Answer::open((&request).into(), flags, request.scope).await
}

/// Reads the answer that these datagrams are.
async fn read(datagrams: Vec<Vec<u8>>) -> (Vec<Result<Task>>, Stats) {
    let script = std::iter::once(family()).chain(datagrams);
    let mut answer = open(script.map(Event::Datagram)).await.unwrap();
    let mut tasks = Vec::new();
    while let Some(task) = poll_fn(|cx| answer.poll_task(cx)).await {
        tasks.push(task);
    }
    let stats = answer.stats();
    (tasks, stats)
}

fn pids(tasks: &[Result<Task>]) -> Vec<u32> {
    tasks
        .iter()
        .map(|task| task.as_ref().unwrap().pid)
        .collect()
}

#[tokio::test]
async fn a_dump_is_put_together() {
    let datagrams = vec![
        [row(2, 1, 0), row(2, 2, abi::TASK_DIAG_FLAG_MORE)].concat(),
        [
            row(2, 2, abi::TASK_DIAG_FLAG_CONT),
            row(2, 3, 0),
            done(2, 0),
        ]
        .concat(),
    ];
    let (tasks, stats) = read(datagrams).await;
    assert_eq!(pids(&tasks), [1, 2, 3]);
    let uid = |at: usize| tasks[at].as_ref().unwrap().cred.map(|cred| cred.uid);
    assert_eq!([uid(0), uid(1), uid(2)], [None, Some(2), None]);
    assert_eq!((stats.tasks, stats.receives), (3, 2));
    assert!(!stats.interrupted);
}

#[tokio::test]
async fn an_interruption_is_told() {
    for [first, last] in [[0x12, 2], [2, 0x12]] {
        let (tasks, stats) = read(vec![row(first, 1, 0), done(last, 0)]).await;
        assert_eq!(pids(&tasks), [1]);
        assert!(stats.interrupted);
    }
}

#[tokio::test]
async fn an_error_that_ends_a_dump_is_an_error() {
    // With a text, which points at the request's attribute.
    let text = [&[7u16, 1].map(u16::to_ne_bytes).concat()[..], b"no\0\0"].concat();
    let offset = [
        &[8u16, 2].map(u16::to_ne_bytes).concat()[..],
        &20u32.to_ne_bytes(),
    ]
    .concat();
    let payload = [&(-1i32).to_ne_bytes()[..], &text, &offset].concat();
    let (tasks, _) = read(vec![
        [row(2, 1, 0), row(2, 2, abi::TASK_DIAG_FLAG_MORE)].concat(),
        message(3, 0x202, SEQ, &payload),
    ])
    .await;
    assert_eq!(pids(&tasks[..1]), [1]);
    assert_eq!(tasks.len(), 2);
    assert_eq!(
        tasks[1].as_ref().unwrap_err().to_string(),
        "Operation not permitted (os error 1): no \
         (attribute TASK_DIAG_CMD_ATTR_GET at byte 20)"
    );
}

#[tokio::test]
async fn what_is_lost_is_never_silent() {
    let truncated = Error::Truncated {
        message: 9,
        buffer: 8,
    };
    for (fault, text) in [
        (Error::Overrun, "ENOBUFS"),
        (truncated, "did not fit the receive buffer of 8"),
    ] {
        let script = [
            Event::Datagram(family()),
            Event::Datagram([row(2, 1, 0), row(2, 2, abi::TASK_DIAG_FLAG_MORE)].concat()),
            Event::Fault(fault),
        ];
        let mut answer = open(script).await.unwrap();
        let mut next = async || poll_fn(|cx| answer.poll_task(cx)).await;
        assert_eq!(next().await.unwrap().unwrap().pid, 1);
        let error = next().await.unwrap().unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
        assert!(next().await.is_none());
    }
}

#[tokio::test]
async fn a_socket_that_fails_at_once_is_told() {
    let error = open([Event::Fault(Error::Overrun)]).await.unwrap_err();
    assert!(matches!(error, Error::Overrun));
}

#[tokio::test]
async fn a_kernel_without_the_family_is_told() {
    let payload = [&(-libc::ENOENT).to_ne_bytes()[..], &[0; 16]].concat();
    let answer = message(2, 0, RESOLVE_SEQ, &payload);
    let error = open([Event::Datagram(answer)]).await.unwrap_err();
    assert!(matches!(error, Error::NoFamily));
}

#[test]
fn an_answer_can_go_to_another_thread() {
    fn assert_send<T: Send>() {}
    assert_send::<Tasks>();
    assert_send::<crate::Client>();
}
