// SPDX-License-Identifier: MIT
//! Containers: a process in one can neither load a module nor boot a kernel.

use std::env;
use std::path::Path;

/// Files that container engines create.
const MARKS: [(&str, &str); 3] = [
    ("/.dockerenv", "docker"),
    ("/run/.containerenv", "podman"),
    ("/run/systemd/container", "systemd"),
];

/// Returns the kind of the container that this process runs in. A process of the
/// initial pid namespace is in none: an image that was made for containers may run as
/// a virtual machine.
pub(super) fn find(in_initial_pid_ns: Option<bool>) -> Option<String> {
    match in_initial_pid_ns {
        Some(true) => None,
        Some(false) => Some(find_mark().unwrap_or_else(|| "another pid namespace".to_owned())),
        None => find_mark(),
    }
}

fn find_mark() -> Option<String> {
    let variable = env::var("container").or_else(|_| match env::var_os("KUBERNETES_PORT") {
        Some(_) => Ok("kubernetes".to_owned()),
        None => Err(env::VarError::NotPresent),
    });
    find_in(variable.ok(), |mark| Path::new(mark).exists())
}

fn find_in(variable: Option<String>, exists: impl Fn(&str) -> bool) -> Option<String> {
    let marked = || {
        let mark = MARKS.iter().find(|(path, _)| exists(path));
        mark.map(|(_, kind)| (*kind).to_owned())
    };
    variable.filter(|kind| !kind.is_empty()).or_else(marked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initial_pid_namespace_is_no_container() {
        assert_eq!(find(Some(true)), None);
        assert!(find(Some(false)).is_some());
    }

    #[test]
    fn variable_and_files_are_marks_of_a_container() {
        assert_eq!(find_in(None, |_| false), None);
        assert_eq!(find_in(Some(String::new()), |_| false), None);
        assert_eq!(
            find_in(Some("lxc".to_owned()), |_| true).as_deref(),
            Some("lxc")
        );
        let found = find_in(None, |mark| mark == "/.dockerenv");
        assert_eq!(found.as_deref(), Some("docker"));
    }
}
