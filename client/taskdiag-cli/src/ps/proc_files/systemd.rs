// SPDX-License-Identifier: MIT
//! Units, slices and sessions of systemd, from the path of a cgroup.
//!
//! systemd names each cgroup after the unit it belongs to: slices, which are nested,
//! and below them one service or scope. The manager of a user is a service
//! `user@UID.service` with slices and units below.

use std::fs;

/// Returns the path in the hierarchy of systemd: the named one, or else the default
/// one.
pub(super) fn path(content: &[u8]) -> Option<&str> {
    let content = std::str::from_utf8(content).ok()?;
    let of = |prefix: &str| {
        content.lines().find_map(|line| {
            let (_, rest) = line.split_once(':')?;
            rest.strip_prefix(prefix)
        })
    };
    of("name=systemd:").or_else(|| of(":"))
}

fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty())
}

/// Returns the unit below the slices of the system.
pub(super) fn unit(path: &str) -> Option<String> {
    parts(path).find(|part| !is_slice(part)).and_then(unit_name)
}

/// Returns the innermost of the slices at the beginning of the path.
pub(super) fn slice(path: &str) -> String {
    let slices = parts(path).take_while(|part| is_slice(part));
    slices.last().unwrap_or("-.slice").to_owned()
}

/// Returns the unit of the manager of a user.
pub(super) fn user_unit(path: &str) -> Option<String> {
    let mut rest = parts(path).skip_while(|part| is_slice(part));
    let manager = rest.next()?;
    if !manager.starts_with("user@") && session_name(manager).is_none() {
        return None;
    }
    rest.find(|part| !is_slice(part)).and_then(unit_name)
}

/// Returns the login session.
pub(super) fn session(path: &str) -> Option<String> {
    let scope = parts(path).find(|part| !is_slice(part))?;
    session_name(scope).map(str::to_owned)
}

/// Returns the user of a slice `user-UID.slice`.
pub(super) fn owner_uid(path: &str) -> Option<String> {
    let uid = slice(path);
    let uid = uid.strip_prefix("user-")?.strip_suffix(".slice")?;
    is_number(uid).then(|| uid.to_owned())
}

/// Returns the virtual machine or container of the unit.
pub(super) fn machine(path: &str) -> Option<String> {
    let target = fs::read_link(format!("/run/systemd/machines/unit:{}", unit(path)?)).ok()?;
    Some(target.to_str()?.to_owned())
}

/// Returns the seat of the login session.
pub(super) fn seat(path: &str) -> Option<String> {
    let session = fs::read_to_string(format!("/run/systemd/sessions/{}", session(path)?)).ok()?;
    let seat = session
        .lines()
        .find_map(|line| line.strip_prefix("SEAT="))?;
    (!seat.is_empty()).then(|| seat.to_owned())
}

fn is_slice(part: &str) -> bool {
    part.ends_with(".slice")
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

fn session_name(part: &str) -> Option<&str> {
    part.strip_prefix("session-")?.strip_suffix(".scope")
}

/// Returns the name of a unit, unless the directory is not one of a unit. A leading
/// underscore separates names from files of the kernel.
fn unit_name(part: &str) -> Option<String> {
    const SUFFIXES: [&str; 5] = [".service", ".scope", ".socket", ".mount", ".swap"];
    let name = part.strip_prefix('_').unwrap_or(part);
    let is_unit = SUFFIXES.iter().any(|suffix| {
        let stem = name.strip_suffix(suffix);
        stem.is_some_and(|stem| !stem.is_empty())
    });
    is_unit.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = "/system.slice/system-getty.slice/getty@tty1.service";
    const SESSION: &str = "/user.slice/user-1000.slice/session-3.scope";
    const USER: &str = "/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.service";

    #[test]
    fn units_and_slices_are_parts_of_the_path() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(unit(SERVICE), some("getty@tty1.service"));
        assert_eq!(slice(SERVICE), "system-getty.slice");
        assert_eq!((session(SERVICE), owner_uid(SERVICE)), (None, None));
        assert_eq!(unit(SESSION), some("session-3.scope"));
        assert_eq!(session(SESSION), some("3"));
        assert_eq!(owner_uid(SESSION), some("1000"));
        assert_eq!(unit(USER), some("user@1000.service"));
        assert_eq!(user_unit(USER), some("app-x.service"));
        assert_eq!(user_unit(SERVICE), None);
        assert_eq!((unit("/"), slice("/")), (None, "-.slice".to_owned()));
        assert_eq!(unit("/init"), None);
    }

    #[test]
    fn named_hierarchy_is_preferred() {
        let content = b"4:memory:/m\n1:name=systemd:/a.slice\n0::/b.slice\n";
        assert_eq!(path(content), Some("/a.slice"));
        assert_eq!(path(b"0::/b.slice\n"), Some("/b.slice"));
    }
}
