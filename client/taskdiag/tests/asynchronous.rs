// SPDX-License-Identifier: MIT
//! The asynchronous client over replies from `common`, and over the socket of a
//! test server in place of the daemon.

mod common;

use std::future::{Future, poll_fn};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::mpsc::{self, Receiver};
use std::task::{Context, Poll};
use std::thread;

use common::*;
use futures_util::{StreamExt, TryStreamExt};
use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, SockFlag, SockType, UnixAddr, accept, bind, listen, recv,
    send, socket,
};
use taskdiag::asynchronous::{AsyncClient, AsyncTransport};
use taskdiag::{Error, Framing, Request, Result, Scope, Show, Strategy, Task, Transport};

/// A script whose every call is pending once before it is ready.
#[derive(Debug)]
struct Slow {
    script: Script,
    called: bool,
}

impl Slow {
    fn ready<T>(
        &mut self,
        cx: &mut Context<'_>,
        call: impl FnOnce(&mut Script) -> Result<T>,
    ) -> Poll<Result<T>> {
        self.called = !self.called;
        if self.called {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(call(&mut self.script))
    }
}

impl AsyncTransport for Slow {
    fn framing(&self) -> Framing {
        self.script.framing()
    }

    fn port(&self) -> u32 {
        self.script.port()
    }

    fn forwards(&self) -> bool {
        self.script.forwards()
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        request: &[u8],
        scope: Scope,
    ) -> Poll<Result<()>> {
        self.ready(cx, |script| script.send(request, scope))
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<usize>> {
        self.ready(cx, |script| script.receive(buffer))
    }

    fn poll_reset(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<()>> {
        self.ready(cx, |script| script.reset(buffer))
    }
}

fn client(answers: Vec<Vec<Vec<u8>>>) -> AsyncClient<Slow> {
    with_script(Script::new(answers))
}

fn with_script(script: Script) -> AsyncClient<Slow> {
    let slow = Slow {
        script,
        called: false,
    };
    AsyncClient::with_transport(slow, 0)
}

fn all() -> Request<'static> {
    Request::new(Strategy::All).show(Show::BASE | Show::CRED)
}

fn whole(pid: u32) -> Vec<u8> {
    row(pid, 0, &[base(pid), cred()].concat())
}

fn pids(tasks: &[Task]) -> Vec<u32> {
    tasks.iter().map(|task| task.pid).collect()
}

/// Polls a future once, and drops it.
async fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

#[tokio::test]
async fn dump_returns_the_rows_of_all_datagrams() {
    let pieces = pieces(2, &[base(2), cred()]);
    let datagrams = vec![
        [whole(1), pieces[0].clone()].concat(),
        [pieces[1].clone(), whole(3), done(0)].concat(),
    ];
    let mut client = client(vec![datagrams.clone(), datagrams]);
    let mut dump = client.dump(&all()).await.unwrap();
    for pid in 1..4 {
        let task = dump.next().await.unwrap().unwrap();
        assert_eq!((task.pid(), task.base().unwrap().pid), (pid, pid));
        assert_eq!(task.cred().unwrap().fsgid, Some(107));
    }
    assert!(dump.next().await.unwrap().is_none());
    assert!(dump.next().await.unwrap().is_none());
    let stats = dump.stats();
    assert_eq!((stats.tasks, stats.receives), (3, 2));
    assert!(!stats.interrupted);

    let mut dump = client.dump(&all()).await.unwrap();
    let tasks: Vec<_> = dump.tasks().try_collect().await.unwrap();
    assert_eq!(pids(&tasks), [1, 2, 3]);
    assert_eq!(dump.stats(), stats);
    assert_eq!(client.transport().script.resets, 0);
}

#[tokio::test]
async fn dump_in_pieces_returns_each_message() {
    let pieces = pieces(2, &[base(2), cred()]);
    let mut client = client(vec![vec![
        pieces[0].clone(),
        [pieces[1].clone(), whole(3), done(0)].concat(),
    ]]);
    let mut dump = client.dump(&all()).await.unwrap();
    let mut found = Vec::new();
    while let Some(piece) = dump.next_piece().await.unwrap() {
        found.push((piece.pid(), piece.has_more()));
    }
    assert_eq!(found, [(2, true), (2, false), (3, false)]);
    assert_eq!(dump.stats().tasks, 2);
}

#[tokio::test]
async fn requests_have_scope_flags_and_new_sequence_numbers() {
    let mut client = client(vec![vec![done(0)], vec![row_with(0, 9, 0, &base(9))]]);
    let request = all().scope(Scope::Process(3));
    let mut dump = client.dump(&request).await.unwrap();
    assert!(dump.next().await.unwrap().is_none());
    let task = client.one(9, Show::BASE).await.unwrap();
    assert_eq!(task.base.unwrap().pid, 9);

    let sent = &client.transport().script.sent;
    assert_eq!([sent[0].1, sent[1].1], [Scope::Process(3), Scope::Own]);
    assert_eq!(
        [sent[0].0[6..8] == [1, 3], sent[1].0[6..8] == [1, 0]],
        [true; 2]
    );
    assert_ne!(sent[0].0[8..12], sent[1].0[8..12]);
}

#[tokio::test]
async fn interrupted_dump_sets_the_flag_of_the_statistics() {
    for [first, last] in [[MULTI | INTERRUPTED, MULTI], [MULTI, MULTI | INTERRUPTED]] {
        let attributes = [base(1), cred()].concat();
        let mut client = client(vec![vec![
            row_with(first, 1, 0, &attributes),
            message(NLMSG_DONE, last, &[0; 4]),
        ]]);
        let mut dump = client.dump(&all()).await.unwrap();
        while dump.next().await.unwrap().is_some() {}
        assert!(dump.stats().interrupted);
    }
}

#[tokio::test]
async fn error_that_ends_a_dump_has_message_and_attribute() {
    let mut client = client(vec![
        vec![
            [whole(1), row(2, MORE, &base(2))].concat(),
            failure(NLMSG_DONE, -1, &[], "no", Some(20)),
        ],
        vec![done(0)],
    ]);
    let mut dump = client.dump(&all()).await.unwrap();
    let mut tasks = dump.tasks();
    assert_eq!(tasks.next().await.unwrap().unwrap().pid, 1);
    assert_eq!(
        tasks.next().await.unwrap().unwrap_err().to_string(),
        "Operation not permitted (os error 1): no \
         (attribute TASK_DIAG_CMD_ATTR_GET at byte 20)"
    );
    assert!(tasks.next().await.is_none());
    // The reply was read to its end.
    client.dump(&all()).await.unwrap();
    assert_eq!(client.transport().script.resets, 0);
}

#[tokio::test]
async fn lost_datagram_is_an_error_after_which_the_client_is_usable() {
    let long = vec![0; 9000];
    let mut script = Script::new(vec![
        vec![[whole(1), row(2, MORE, &base(2))].concat()],
        vec![long],
        vec![[whole(9), done(0)].concat()],
    ]);
    script.answers[0].push_back(Receive::Overrun);
    let mut client = with_script(script);

    let mut dump = client.dump(&all()).await.unwrap();
    assert_eq!(dump.next().await.unwrap().unwrap().pid(), 1);
    assert!(matches!(dump.next().await, Err(Error::Overrun)));
    assert!(dump.next().await.unwrap().is_none());

    let mut dump = client.dump(&all()).await.unwrap();
    let error = dump.next().await.unwrap_err().to_string();
    assert!(error.contains("the receive buffer has 8192"), "{error}");

    let mut dump = client.dump(&all()).await.unwrap();
    let tasks: Vec<_> = dump.tasks().try_collect().await.unwrap();
    assert_eq!(pids(&tasks), [9]);
    assert_eq!(client.transport().script.resets, 2);
}

#[tokio::test]
async fn dropped_dump_leaves_the_client_usable() {
    let mut client = client(vec![vec![whole(1)], vec![[whole(5), done(0)].concat()]]);
    let mut dump = client.dump(&all()).await.unwrap();
    assert_eq!(dump.next().await.unwrap().unwrap().pid(), 1);
    // The dump is dropped here, at its last use.
    let mut dump = client.dump(&all()).await.unwrap();
    assert_eq!(dump.next().await.unwrap().unwrap().pid(), 5);
    assert!(dump.next().await.unwrap().is_none());
    assert_eq!(client.transport().script.resets, 1);
}

#[tokio::test]
async fn dropped_futures_lose_neither_requests_nor_rows() {
    let mut client = client(vec![vec![whole(1), [whole(2), done(0)].concat()]]);
    // Dropped before the request is sent.
    assert!(poll_once(client.dump(&all())).await.is_pending());
    let mut dump = client.dump(&all()).await.unwrap();
    for pid in [1, 2] {
        // Dropped while a datagram is awaited.
        assert!(poll_once(dump.next()).await.is_pending());
        assert_eq!(dump.next().await.unwrap().unwrap().pid(), pid);
    }
    assert!(dump.next().await.unwrap().is_none());
    let script = &client.transport().script;
    assert_eq!((script.sent.len(), script.resets), (1, 0));
}

#[tokio::test]
async fn features_are_those_of_the_blocking_client() {
    let fields = [quads(&[3, 1, 0, 0, 0]), words(&[8192, 0])].concat();
    let payload = [&[2, 1, 0, 0], &attribute(FEATURES, &fields)[..]].concat();
    let answer = || vec![message(FAMILY, 0, &payload)];
    let features = client(vec![answer()]).features().await.unwrap();
    let mut blocking = taskdiag::Client::with_transport(Script::new([answer()]), 4096);
    assert_eq!(features, blocking.features().unwrap());
    assert_eq!(features.groups, Show::BASE | Show::CRED);
}

#[tokio::test]
async fn reply_without_a_task_is_an_error_for_one() {
    let mut client = client(vec![vec![done(0)]]);
    let error = client.one(9, Show::CMDLINE).await.unwrap_err();
    assert_eq!(error.errno(), Some(3));
}

#[test]
fn client_and_futures_can_move_to_another_thread() {
    fn assert_send<T: Send>(_: &T) {}
    async fn read(mut client: AsyncClient) -> Result<()> {
        let mut dump = client.dump(&Request::new(Strategy::All)).await?;
        while dump.next().await?.is_some() {}
        Ok(())
    }
    assert_send(&async {
        let client = AsyncClient::connect().await?;
        read(client).await
    });
}

/// A row in the framing of the daemon.
fn plain(pid: u32, flags: u32) -> Vec<u8> {
    let msg = attribute(MSG, &words(&[pid, pid, flags]));
    message(0x11, MULTI, &[msg, base(pid), cred()].concat())
}

fn features() -> Vec<u8> {
    let fields = [quads(&[3, 1, 0, 0, 0]), words(&[8192, 0])].concat();
    message(0x12, 0, &attribute(FEATURES, &fields))
}

/// Gives every message of a datagram the sequence and port number of the request.
fn address(mut datagram: Vec<u8>, request: &[u8]) -> Vec<u8> {
    let mut at = 0;
    while at < datagram.len() {
        datagram[at + 8..at + 16].copy_from_slice(&request[8..16]);
        let len = u32::from_ne_bytes(datagram[at..at + 4].try_into().unwrap()) as usize;
        at += len.next_multiple_of(4);
    }
    datagram
}

/// Listens in place of the daemon. Each connection answers the query for features
/// of its client, and then the requests with the replies of its list. The channel
/// receives a message when a connection has been closed.
fn serve(connections: Vec<Vec<Vec<Vec<u8>>>>) -> (tempfile::TempDir, PathBuf, Receiver<()>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let listener = socket(
        AddressFamily::Unix,
        SockType::SeqPacket,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
    .unwrap();
    bind(listener.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
    listen(&listener, Backlog::new(4).unwrap()).unwrap();
    let (sender, closed) = mpsc::channel();
    thread::spawn(move || {
        for replies in connections {
            let peer = accept(&listener).unwrap();
            let mut buffer = [0; 4096];
            for reply in std::iter::once(vec![features()]).chain(replies) {
                match recv(peer.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                    Ok(0) | Err(_) => break,
                    Ok(_) => {}
                }
                for datagram in reply {
                    let datagram = address(datagram, &buffer);
                    if send(peer.as_raw_fd(), &datagram, MsgFlags::MSG_NOSIGNAL).is_err() {
                        break;
                    }
                }
            }
            drop(peer);
            let _ = sender.send(());
        }
    });
    (dir, path, closed)
}

#[tokio::test]
async fn daemon_rows_arrive_in_more_datagrams_than_the_socket_holds() {
    let datagrams = 2000;
    let reply = (1..=datagrams).map(|pid| plain(pid, CACHED));
    let (_dir, path, _closed) = serve(vec![vec![reply.chain([done(0)]).collect()]]);
    let mut client = AsyncClient::connect_to_daemon_at(path).await.unwrap();
    let mut dump = client.dump(&all()).await.unwrap();
    for pid in 1..=datagrams {
        let task = dump.next().await.unwrap().unwrap();
        assert_eq!((task.pid(), task.is_cached()), (pid, true));
    }
    assert!(dump.next().await.unwrap().is_none());
    assert_eq!(dump.stats().receives, u64::from(datagrams) + 1);
}

#[tokio::test]
async fn client_connects_again_after_a_dropped_dump_and_a_restarted_daemon() {
    let whole = |pid| vec![plain(pid, 0), done(0)];
    let (_dir, path, closed) = serve(vec![vec![whole(1)], vec![whole(2)], vec![whole(3)]]);
    let mut client = AsyncClient::connect_to_daemon_at(path).await.unwrap();
    let mut dump = client.dump(&all()).await.unwrap();
    assert_eq!(dump.next().await.unwrap().unwrap().pid(), 1);
    // The dump is dropped here, at its last use.
    let mut next = async || {
        let mut dump = client.dump(&all()).await.unwrap();
        dump.tasks().try_collect::<Vec<_>>().await
    };
    assert_eq!(pids(&next().await.unwrap()), [2]);
    // Each connection is closed after its last reply.
    closed.recv().unwrap();
    closed.recv().unwrap();
    assert_eq!(pids(&next().await.unwrap()), [3]);
}

#[tokio::test]
async fn scope_of_another_process_needs_netlink() {
    let (_dir, path, _closed) = serve(vec![vec![]]);
    let mut client = AsyncClient::connect_to_daemon_at(path).await.unwrap();
    let request = all().scope(Scope::Process(1));
    let error = client.dump(&request).await.unwrap_err();
    assert!(matches!(error, Error::ScopeNeedsNetlink { pid: 1, .. }));
}

#[tokio::test]
async fn missing_daemon_is_an_error() {
    let error = AsyncClient::connect_to_daemon_at("/nonexistent/socket").await;
    assert!(matches!(error, Err(Error::NoDaemon { .. })));
}
