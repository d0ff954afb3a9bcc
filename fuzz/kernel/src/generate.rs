// SPDX-License-Identifier: MIT
//! Generates cases. The same seed and iteration generate the same case.
//!
//! Pure. A case does not depend on previous cases.

mod dice;
mod message;

use crate::case::{
    Case, Change, Control, EPOCH, Id, Message, Reading, Role, Scenario, Settings, Transport,
};
use dice::Dice;

/// Maximum size of a receive buffer.
pub(crate) const MAX_BUFFER: usize = 1 << 20;
/// Maximum length of an attribute value.
const MAX_VALUE: usize = 60_000;
/// Maximum number of bytes per `sendmsg()`. They and the errors that repeat them fit
/// the buffers of a socket.
pub(crate) const MAX_DATAGRAM: usize = 100_000;
/// Maximum number of bytes after the last message.
const TAIL: usize = 40;
/// Maximum number of messages per datagram.
const MAX_MESSAGES: usize = 6;

/// `SOL_SOCKET` and the types of two control messages.
const SOL_SOCKET: i32 = 1;
const SCM_RIGHTS: i32 = 1;
const SCM_CREDENTIALS: i32 = 2;
/// `SOL_NETLINK`.
const SOL_NETLINK: i32 = 270;

/// The transports of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Transports {
    /// The generic netlink family
    Socket,
    /// /proc/task-diag
    File,
    /// Both in turn
    Both,
}

impl Transports {
    pub(crate) fn include(self, transport: Transport) -> bool {
        match self {
            Self::Socket => transport == Transport::Socket,
            Self::File => transport == Transport::File,
            Self::Both => true,
        }
    }

    /// Returns the transport of a case. All cases of an epoch use the same transport.
    fn of(self, iteration: u64) -> Transport {
        match self {
            Self::Socket => Transport::Socket,
            Self::File => Transport::File,
            Self::Both if (iteration / EPOCH) % 2 == 0 => Transport::Socket,
            Self::Both => Transport::File,
        }
    }
}

/// Generates the cases of a run.
#[derive(Clone, Debug)]
pub(crate) struct Generator {
    seed: u64,
    transports: Transports,
}

impl Generator {
    pub(crate) const fn new(seed: u64, transports: Transports) -> Self {
        Self { seed, transports }
    }

    /// Returns the case with this number. It depends only on the seed, the number
    /// and the transport.
    pub(crate) fn case(&self, iteration: u64) -> Case {
        let transport = self.transports.of(iteration);
        let mut dice = Dice::new(self.seed, iteration.wrapping_mul(2));
        let scenario = scenario(&mut dice);
        let mut case = Case {
            iteration,
            transport,
            settings: settings(&mut Dice::new(
                self.seed,
                (iteration / EPOCH).wrapping_mul(2) + 1,
            )),
            messages: messages(&mut dice),
            control: Vec::new(),
            control_cut: 0,
            tail: Vec::new(),
            reading: reading(&mut dice, scenario),
            scenario,
        };
        if scenario.has_one_process() {
            (case.control, case.control_cut) = control(&mut dice);
            case.tail = dice.maybe(64, |dice| dice.up_to(TAIL)).unwrap_or_default();
        } else {
            // One message, so that each reply belongs to a known request. Long
            // replies, as only datagrams after the first depend on the reader.
            case.messages.truncate(1);
            if !dice.one_in(4) {
                case.messages = vec![message::long_dump(&mut dice)];
            }
        }
        if transport == Transport::File {
            case.as_transaction(&mut dice);
        }
        case
    }
}

impl Case {
    /// Adapts a case to the file: one request, no control messages, and buffer sizes
    /// around the lengths of headers and messages.
    fn as_transaction(&mut self, dice: &mut Dice) {
        self.control.clear();
        self.control_cut = 0;
        // The file reads further requests as trailing bytes of the first one.
        if !dice.one_in(8) {
            self.messages.truncate(1);
        }
        self.reading.sizes = match dice.below(8) {
            0 => vec![*dice.pick(&[1, 16, 20, 36, 60, 200])],
            1 => vec![*dice.pick(&[1, 16, 36]), 200 + dice.below(1000), 8192],
            2 => vec![200 + dice.below(8000)],
            3 => vec![65536, 17, 300, 4096],
            4 | 5 => vec![8192],
            _ => vec![32768],
        };
    }
}

fn settings(dice: &mut Dice) -> Settings {
    Settings {
        ext_ack: !dice.one_in(5),
        cap_ack: dice.one_in(3),
        strict: dice.one_in(3),
        receive_buffer: dice.maybe(24, |dice| *dice.pick(&[0, 1, 2304, 5000, 9000, 20_000])),
        mount: (!dice.one_in(3)).then(|| dice.byte()),
    }
}

/// Chooses a scenario. Scenarios with other threads and processes cost a thousand
/// times as much as a request, so they are rare.
fn scenario(dice: &mut Dice) -> Scenario {
    match dice.below(4096) {
        0..4 => Scenario::ThreadReads,
        4..7 => Scenario::ThreadSends,
        7 => Scenario::ForkReads,
        8 => Scenario::ForkSends,
        9 => Scenario::Changes(*dice.pick(&[
            Change::User,
            Change::User,
            Change::UserNamespace,
            Change::UserNamespace,
            Change::PidNamespace,
            Change::NetNamespace,
            Change::Undumpable,
        ])),
        10 => Scenario::Contained {
            inherited: dice.one_in(2),
        },
        _ => Scenario::Alone,
    }
}

fn messages(dice: &mut Dice) -> Vec<Message> {
    let count = if dice.one_in(12) {
        2 + dice.below(MAX_MESSAGES - 1)
    } else {
        1
    };
    let mut messages = Vec::with_capacity(count);
    let mut len = 0;
    for index in 0..count {
        let message = message::message(dice, index as u32);
        len += message.max_len();
        if len > MAX_DATAGRAM - TAIL {
            break;
        }
        messages.push(message);
    }
    messages
}

fn control(dice: &mut Dice) -> (Vec<Control>, usize) {
    if !dice.one_in(8) {
        return (Vec::new(), 0);
    }
    let count = 1 + dice.maybe(8, |dice| dice.below(3)).unwrap_or_default();
    let control = (0..count)
        .map(|_| {
            if dice.one_in(5) {
                raw_control(dice)
            } else {
                credentials(dice)
            }
        })
        .collect();
    let cut = dice.maybe(16, |dice| dice.below(32)).unwrap_or_default();
    (control, cut)
}

fn credentials(dice: &mut Dice) -> Control {
    let pid = match dice.below(4) {
        0 => Role::Own,
        1 => Role::Contained(dice.byte()),
        _ => message::role(dice),
    };
    let mut id = || match dice.below(16) {
        0 => Id::Number(0),
        1 => Id::Number(u32::MAX),
        2 => Id::Number(u32::MAX - 1),
        3 => Id::Number(dice.small()),
        _ => Id::Own,
    };
    Control::Credentials {
        pid,
        uid: id(),
        gid: id(),
    }
}

fn raw_control(dice: &mut Dice) -> Control {
    Control::Raw {
        level: *dice.pick(&[SOL_SOCKET, SOL_SOCKET, SOL_NETLINK, 0, -1]),
        kind: *dice.pick(&[SCM_CREDENTIALS, SCM_CREDENTIALS, SCM_RIGHTS, 0, 3, 77]),
        off: *dice.pick(&[0, 0, 0, -1, 1, -16, -20, 8, 1000, i64::MAX, i64::MIN]),
        data: dice.up_to(32),
    }
}

fn reading(dice: &mut Dice, scenario: Scenario) -> Reading {
    let sizes = match dice.below(32) {
        0 => vec![0],
        1 => vec![*dice.pick(&[1, 4, 15, 16, 20, 35])],
        2 => vec![*dice.pick(&[0, 1, 4, 20]), 32768],
        3..9 => vec![4096],
        9 => vec![MAX_BUFFER],
        10 => vec![100 + dice.below(4000)],
        11 => vec![4096, 8192, 16384, 65536],
        _ => vec![32768],
    };
    Reading {
        sizes,
        wait: dice.one_in(4),
        peek: dice.one_in(32),
        return_length: dice.one_in(2),
        drain: dice.one_in(16),
        stop_after: dice.maybe(64, |dice| dice.below(4)),
        interject: (scenario == Scenario::Alone)
            .then(|| dice.maybe(40, |dice| dice.below(3)))
            .flatten()
            .map(|after| (after, message::message(dice, MAX_MESSAGES as u32))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Descriptor;
    use crate::check::poison;
    use crate::encode::tests::FixedRoles;
    use crate::encode::{control as encode_control, datagram};
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;
    use taskdiag::abi;

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 4096,
            rng_seed: RngSeed::Fixed(1),
            ..ProptestConfig::default()
        })]

        #[test]
        fn case_is_within_limits(seed: u64, iteration: u64) {
            let case = Generator::new(seed, Transports::Both).case(iteration);
            let bytes = datagram(case.transport, &case.messages, &case.tail, &FixedRoles);
            // The kernel ignores an empty datagram.
            prop_assert!(!bytes.is_empty());
            prop_assert!(bytes.len() <= MAX_DATAGRAM, "{} bytes", bytes.len());
            prop_assert!(encode_control(&case, &FixedRoles).len() <= 1024);
            prop_assert!((1..=MAX_MESSAGES).contains(&case.messages.len()));
            prop_assert!(case.reading.sizes.iter().all(|size| *size <= MAX_BUFFER));
            prop_assert!(!case.reading.sizes.is_empty());
            // Errors repeat the request, which must not look like leaked memory.
            prop_assert_eq!(poison::find(&bytes), None);
        }

        #[test]
        fn same_seed_generates_the_same_case(seed: u64, iteration: u64) {
            let generator = Generator::new(seed, Transports::Both);
            let case = generator.case(iteration);
            // Generating another case in between has no effect.
            generator.case(iteration.wrapping_add(1) / 3);
            prop_assert_eq!(&generator.case(iteration), &case);
            prop_assert_eq!(
                datagram(case.transport, &case.messages, &case.tail, &FixedRoles),
                datagram(case.transport, &generator.case(iteration).messages, &case.tail, &FixedRoles)
            );
        }

    }

    #[test]
    fn all_scenarios_and_many_shapes_are_generated() {
        let generator = Generator::new(1, Transports::Both);
        let mut scenarios = std::collections::HashSet::new();
        let (mut truncated, mut forged, mut several, mut interjected) = (0, 0, 0, 0);
        let (mut files, mut options, mut mounts, mut not_mounts) = (0, 0, 0, 0);
        for iteration in 0..30_000 {
            let case = generator.case(iteration);
            scenarios.insert(std::mem::discriminant(&case.scenario));
            truncated += usize::from(case.messages.iter().any(|message| message.cut > 0));
            forged += usize::from(!case.control.is_empty());
            several += usize::from(case.messages.len() > 1);
            interjected += usize::from(case.reading.interject.is_some());
            files += usize::from(case.transport == Transport::File);
            let descriptors: Vec<_> = case.descriptors().collect();
            options += usize::from(!descriptors.is_empty());
            let mount = descriptors
                .iter()
                .filter(|(kind, _)| *kind == abi::TASK_DIAG_CMD_ATTR_PROC_FD)
                .map(|(_, descriptor)| {
                    matches!(descriptor, Descriptor::Mount(_) | Descriptor::MountPath(_))
                })
                .next();
            mounts += usize::from(mount == Some(true));
            not_mounts += usize::from(mount == Some(false));
        }
        assert_eq!(scenarios.len(), 7);
        for (what, count) in [
            ("truncated", truncated),
            ("forged", forged),
            ("several", several),
            ("interjected", interjected),
            ("files", files),
            ("options", options),
            ("mounts", mounts),
            ("not mounts", not_mounts),
        ] {
            assert!(count > 200, "{what}: {count} of 30,000");
        }
    }

    #[test]
    fn case_depends_on_its_own_transport_only() {
        let both = Generator::new(7, Transports::Both);
        let file = Generator::new(7, Transports::File);
        let socket = Generator::new(7, Transports::Socket);
        for iteration in 0..200 {
            let case = both.case(iteration);
            let alone = match case.transport {
                Transport::File => file.case(iteration),
                Transport::Socket => socket.case(iteration),
            };
            assert_eq!(case, alone);
        }
    }

    #[test]
    fn cases_of_an_epoch_share_their_settings() {
        let generator = Generator::new(1, Transports::Both);
        for epoch in 0..20 {
            let cases = epoch * EPOCH..(epoch + 1) * EPOCH;
            let first = generator.case(cases.start).settings;
            assert!(
                cases
                    .into_iter()
                    .all(|case| generator.case(case).settings == first)
            );
        }
    }

    #[test]
    fn different_seeds_generate_different_cases() {
        let count = (0..100)
            .filter(|&iteration| {
                Generator::new(1, Transports::Both).case(iteration).messages
                    == Generator::new(2, Transports::Both).case(iteration).messages
            })
            .count();
        assert_eq!(count, 0);
    }
}
