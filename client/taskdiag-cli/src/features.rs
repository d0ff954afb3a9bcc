// SPDX-License-Identifier: MIT
//! `features`: the features that the running kernel has, and those it lacks.

use std::fmt::Display;
use std::io::{self, Write};

use serde_json::json;
use taskdiag::{Features, FilterKinds, Options, Show, Strategies, VmaFlags};

/// Writes it for a person, or as an object.
pub(crate) fn write(out: &mut dyn Write, features: &Features, json: bool) -> io::Result<()> {
    let lines = [
        FeatureLine::new("groups", &features.groups, &(Show::all() - features.groups)),
        FeatureLine::new(
            "strategies",
            &features.strategies,
            &(Strategies::all() - features.strategies),
        ),
        FeatureLine::new(
            "filters",
            &features.filters,
            &(FilterKinds::all() - features.filters),
        ),
        FeatureLine::new(
            "options",
            &features.options,
            &(Options::all() - features.options),
        ),
        FeatureLine::new(
            "vma_flags",
            &features.vma_flags,
            &(VmaFlags::all() - features.vma_flags),
        ),
    ];
    let recv_min = Some(features.recv_min).filter(|&bytes| bytes > 0);
    if json {
        let mut object: serde_json::Map<_, _> = lines
            .iter()
            .map(|line| (line.kind.to_owned(), json!(split_list(&line.present))))
            .collect();
        object.insert("recv_min".to_owned(), json!(recv_min));
        serde_json::to_writer(&mut *out, &object)?;
        return out.write_all(b"\n");
    }
    for FeatureLine {
        kind,
        present,
        missing,
    } in lines
    {
        let present = if present.is_empty() { "none" } else { &present };
        write!(out, "{kind:11} {present}")?;
        if !missing.is_empty() {
            write!(out, "   (not in this kernel: {missing})")?;
        }
        writeln!(out)?;
    }
    match recv_min {
        Some(bytes) => writeln!(out, "{:11} {bytes}", "recv_min"),
        None => writeln!(out, "{:11} -", "recv_min"),
    }
}

struct FeatureLine {
    kind: &'static str,
    present: String,
    missing: String,
}

impl FeatureLine {
    fn new(kind: &'static str, present: &dyn Display, missing: &dyn Display) -> Self {
        Self {
            kind,
            present: present.to_string(),
            missing: missing.to_string(),
        }
    }
}

/// The names in a list between commas.
pub(crate) fn split_list(list: &str) -> Vec<&str> {
    list.split(',').filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(features: &Features, json: bool) -> String {
        let mut out = Vec::new();
        write(&mut out, features, json).expect("room");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn present_and_missing_features_are_listed() {
        let text = written(&Features::FIRST, false);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("groups      base,cred   (not in this kernel: stat,"));
        assert!(lines[1].starts_with("strategies  all,one,children,threads,all_threads   (not"));
        assert!(lines[2].starts_with("filters     none   (not in this kernel: uid,"));
        assert_eq!(
            lines[3],
            "options     none   (not in this kernel: pidns_fd,pidfd)"
        );
        assert!(lines[4].starts_with("vma_flags   none   (not in this kernel: read,write,"));
        assert_eq!(lines[5..], ["recv_min    -"]);
    }

    #[test]
    fn full_feature_set_has_nothing_missing() {
        let mut all = Features::default();
        (all.groups, all.strategies) = (Show::all(), Strategies::all());
        (all.filters, all.options) = (FilterKinds::all(), Options::all());
        all.vma_flags = VmaFlags::all();
        all.recv_min = 8192;
        let text = written(&all, false);
        assert!(!text.contains("not in this kernel"));
        let lines: Vec<&str> = text.lines().skip(3).collect();
        assert_eq!(lines[0], "options     pidns_fd,pidfd");
        assert!(lines[1].starts_with("vma_flags   read,write,"), "{text}");
        assert!(lines[1].ends_with(",sealed"), "{text}");
        assert_eq!(lines[2..], ["recv_min    8192"]);
    }

    #[test]
    fn json_has_lists_of_names() {
        let value: serde_json::Value =
            serde_json::from_str(&written(&Features::FIRST, true)).expect("an object");
        assert_eq!(value["groups"], json!(["base", "cred"]));
        assert_eq!(value["filters"], json!([]));
        assert_eq!(value["options"], json!([]));
        assert_eq!(value["vma_flags"], json!([]));
        assert_eq!(value["recv_min"], serde_json::Value::Null);
    }
}
