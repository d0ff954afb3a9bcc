// SPDX-License-Identifier: MIT
//! Names of terminals, which the kernel reports as device numbers.
//!
//! `/proc/tty/drivers` lists the names in `/dev` that the devices of a driver
//! can have. A candidate is used only if `/dev` has that name with that device
//! number. Numbers that are assigned permanently have candidates even if no
//! driver lists them.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::fs;
use std::ops::RangeInclusive;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;

use nix::sys::stat::{major, makedev, minor};

/// A device number in the 32-bit encoding of stat(2).
type Device = u32;

/// Names of terminals, each looked up once.
#[derive(Debug, Default)]
pub struct Terminals {
    drivers: OnceCell<Vec<Driver>>,
    cached: RefCell<HashMap<Device, Option<Arc<str>>>>,
}

impl Terminals {
    /// Returns the name in `/dev`, such as `pts/0`, of a terminal with this
    /// device number, as in [`Stat::tty`](crate::Stat::tty).
    ///
    /// Returns `None` for 0, which means no terminal, and for a device
    /// without a name in `/dev`.
    #[must_use]
    pub fn name(&self, device: u32) -> Option<Arc<str>> {
        if device == 0 {
            return None;
        }
        let mut cached = self.cached.borrow_mut();
        cached.entry(device).or_insert_with(|| {
            let drivers = self.drivers.get_or_init(|| {
                let text = fs::read_to_string("/proc/tty/drivers").unwrap_or_default();
                text.lines().filter_map(Driver::parse).collect()
            });
            look_up(device, drivers, is_in_dev).map(Arc::from)
        });
        cached[&device].clone()
    }
}

/// Whether `/dev` has this name with this device number.
fn is_in_dev(device: Device, name: &str) -> bool {
    let device = makedev(major(device.into()), minor(device.into()));
    fs::metadata(format!("/dev/{name}")).is_ok_and(|file| file.rdev() == device)
}

fn look_up(
    device: Device,
    drivers: &[Driver],
    is_in_dev: impl Fn(Device, &str) -> bool,
) -> Option<String> {
    drivers
        .iter()
        .filter(|driver| driver.has(device))
        .flat_map(|driver| driver.candidates(device))
        .find(|name| is_in_dev(device, name))
        .or_else(|| permanent_name(device).filter(|name| is_in_dev(device, name)))
}

/// A line of `/proc/tty/drivers`.
#[derive(Debug, PartialEq, Eq)]
struct Driver {
    /// Prefix of the names of its devices, without `/dev/`.
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

    /// Returns the candidates for the device's name: drivers number their
    /// devices by minor number or from 0, and some put them into a directory or
    /// have only one device.
    fn candidates(&self, device: Device) -> Vec<String> {
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

/// Returns the name of a device number that is assigned permanently.
fn permanent_name(device: Device) -> Option<String> {
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
    fn device_has_a_name_of_its_driver() {
        let in_dev = ["tty", "console", "ttyS0", "pts/0", "pts/300", "tty1"];
        let name = |major, minor| {
            look_up(device(major, minor), &drivers(), |_, name| {
                in_dev.contains(&name)
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
    fn permanent_name_is_used_only_if_dev_has_it() {
        let name =
            |in_dev: &'static str| look_up(device(4, 65), &[], move |_, name| name == in_dev);
        assert_eq!(name("ttyS1").as_deref(), Some("ttyS1"));
        assert_eq!(name("ttyS65"), None);
    }

    #[test]
    fn device_number_0_has_no_name() {
        assert_eq!(Terminals::default().name(0), None);
    }

    #[test]
    fn lines_without_a_device_are_skipped() {
        assert_eq!(drivers().len(), 6);
        assert_eq!(Driver::parse(""), None);
    }
}
