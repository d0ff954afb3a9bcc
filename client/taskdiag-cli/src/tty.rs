// SPDX-License-Identifier: MIT
//! Names of terminals, which the kernel tells by device number.
//!
//! `/proc/tty/drivers` says which names in `/dev` a driver's devices have. A
//! name counts if the device is there under it; the numbers that never
//! change have names without looking.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::ops::RangeInclusive;
use std::os::unix::fs::MetadataExt as _;
use std::rc::Rc;

use nix::sys::stat::{major, makedev, minor};

/// A device number as stat(2) has it, in 32 bits.
pub(crate) type Device = u32;

/// Terminals, each looked up once.
#[derive(Debug, Default)]
pub(crate) struct Terminals {
    drivers: std::cell::OnceCell<Vec<Driver>>,
    known: RefCell<HashMap<Device, Option<Rc<str>>>>,
}

impl Terminals {
    /// Its name in `/dev`, if there is a terminal, and a name.
    pub(crate) fn name(&self, device: Device) -> Option<Rc<str>> {
        if device == 0 {
            return None;
        }
        let mut known = self.known.borrow_mut();
        known.entry(device).or_insert_with(|| {
            let drivers = self.drivers.get_or_init(|| {
                let text = fs::read_to_string("/proc/tty/drivers").unwrap_or_default();
                text.lines().filter_map(Driver::parse).collect()
            });
            look_up(device, drivers, is_at).map(Rc::from)
        });
        known[&device].clone()
    }
}

/// Whether the device has this name in `/dev`.
fn is_at(device: Device, name: &str) -> bool {
    let device = makedev(major(device.into()), minor(device.into()));
    fs::metadata(format!("/dev/{name}")).is_ok_and(|file| file.rdev() == device)
}

fn look_up(
    device: Device,
    drivers: &[Driver],
    is_at: impl Fn(Device, &str) -> bool,
) -> Option<String> {
    drivers
        .iter()
        .filter(|driver| driver.has(device))
        .flat_map(|driver| driver.names(device))
        .find(|name| is_at(device, name))
        .or_else(|| standing(device).filter(|name| is_at(device, name)))
}

/// A line of `/proc/tty/drivers`.
#[derive(Debug, PartialEq, Eq)]
struct Driver {
    /// What its devices' names begin with, without `/dev/`.
    prefix: String,
    major: u64,
    minors: RangeInclusive<u64>,
}

impl Driver {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace().skip(1);
        let prefix = words.next()?.strip_prefix("/dev/")?.to_owned();
        let major = words.next()?.parse().ok()?;
        let minors = words.next()?;
        let (first, last) = minors.split_once('-').unwrap_or((minors, minors));
        Some(Self {
            prefix,
            major,
            minors: first.parse().ok()?..=last.parse().ok()?,
        })
    }

    fn has(&self, device: Device) -> bool {
        major(device.into()) == self.major && self.minors.contains(&minor(device.into()))
    }

    /// What the device may be called: some drivers count on from the number
    /// in the prefix, some have a folder, some have one device alone.
    fn names(&self, device: Device) -> Vec<String> {
        let minor = minor(device.into());
        let index = minor - self.minors.start();
        let prefix = &self.prefix;
        let mut names = vec![
            format!("{prefix}{minor}"),
            format!("{prefix}/{minor}"),
            format!("{prefix}{index}"),
            format!("{prefix}/{index}"),
        ];
        if self.minors.start() == self.minors.end() {
            names.push(prefix.clone());
        }
        names
    }
}

/// The names of numbers that are assigned for good.
fn standing(device: Device) -> Option<String> {
    let minor = minor(device.into());
    Some(match major(device.into()) {
        4 if minor < 64 => format!("tty{minor}"),
        4 => format!("ttyS{}", minor - 64),
        5 if minor == 1 => "console".to_owned(),
        136..=143 => format!("pts/{}", (major(device.into()) - 136) * 256 + minor),
        188 => format!("ttyUSB{minor}"),
        204 if (64..80).contains(&minor) => format!("ttyAMA{}", minor - 64),
        229 => format!("hvc{minor}"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRIVERS: &str = "\
/dev/tty             /dev/tty        5       0 system:/dev/tty
/dev/console         /dev/console    5       1 system:console
/dev/vc/0            /dev/vc/0       4       0 system:vtmaster
serial               /dev/ttyS       4 64-111 serial
pty_slave            /dev/pts      136 0-1048575 pty:slave
odd                  none            9 1 odd
unknown              /dev/tty        4 1-63 console
";

    fn drivers() -> Vec<Driver> {
        DRIVERS.lines().filter_map(Driver::parse).collect()
    }

    fn device(major: u32, minor: u32) -> Device {
        (minor & 0xff) | major << 8 | (minor & !0xff) << 12
    }

    #[test]
    fn drivers_name_their_devices() {
        let there = ["tty", "console", "ttyS0", "pts/0", "pts/300", "tty1"];
        let name = |major, minor| {
            look_up(device(major, minor), &drivers(), |_, name| {
                there.contains(&name)
            })
        };
        assert_eq!(name(136, 0).as_deref(), Some("pts/0"));
        assert_eq!(name(136, 300).as_deref(), Some("pts/300"));
        assert_eq!(name(4, 1).as_deref(), Some("tty1"));
        assert_eq!(name(4, 64).as_deref(), Some("ttyS0"));
        assert_eq!(name(5, 1).as_deref(), Some("console"));
        assert_eq!(name(136, 1), None);
        assert_eq!(name(77, 1), None);
    }

    #[test]
    fn a_name_counts_if_the_device_is_there() {
        let name = |there: &'static str| look_up(device(4, 65), &[], move |_, name| name == there);
        assert_eq!(name("ttyS1").as_deref(), Some("ttyS1"));
        assert_eq!(name("ttyS65"), None);
    }

    #[test]
    fn no_terminal_has_no_name() {
        assert_eq!(Terminals::default().name(0), None);
    }

    #[test]
    fn lines_without_a_device_are_passed_over() {
        assert_eq!(drivers().len(), 6);
        assert_eq!(Driver::parse(""), None);
    }
}
