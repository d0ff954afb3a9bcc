// SPDX-License-Identifier: MIT
//! `features`: lists supported and missing features of the running kernel.

use std::fmt::Display;
use std::io::{self, Write};

use serde_json::json;
use taskdiag::{Features, FilterKinds, Options, Show, Strategies, VmaFlags};

/// Prints the features as lines or as a JSON object.
pub(crate) fn write(out: &mut dyn Write, features: &Features, json: bool) -> io::Result<()> {
    let kinds = [
        FeatureKind::new("groups", &features.groups, &(Show::all() - features.groups)),
        FeatureKind::new(
            "strategies",
            &features.strategies,
            &(Strategies::all() - features.strategies),
        ),
        FeatureKind::new(
            "filters",
            &features.filters,
            &(FilterKinds::all() - features.filters),
        ),
        FeatureKind::new(
            "options",
            &features.options,
            &(Options::SELECTABLE - features.options),
        ),
        FeatureKind::new(
            "vma_flags",
            &features.vma_flags,
            &(VmaFlags::all() - features.vma_flags),
        ),
    ];
    let recv_min = Some(features.recv_min).filter(|&bytes| bytes > 0);
    if json {
        let mut object: serde_json::Map<_, _> = kinds
            .iter()
            .map(|kind| (kind.name.to_owned(), json!(split_list(&kind.supported))))
            .collect();
        object.insert("recv_min".to_owned(), json!(recv_min));
        serde_json::to_writer(&mut *out, &object)?;
        return out.write_all(b"\n");
    }
    for kind in kinds {
        write_property(out, kind.name, &kind.describe())?;
    }
    let recv_min = recv_min.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string());
    write_property(out, "recv_min", &recv_min)
}

/// Prints a line of `features` or `doctor`: a name and an aligned value.
pub(crate) fn write_property(out: &mut dyn Write, name: &str, value: &str) -> io::Result<()> {
    writeln!(out, "{name:11} {value}")
}

/// One kind of features, as comma-separated names.
struct FeatureKind {
    name: &'static str,
    supported: String,
    missing: String,
}

impl FeatureKind {
    fn new(name: &'static str, supported: &dyn Display, missing: &dyn Display) -> Self {
        Self {
            name,
            supported: supported.to_string(),
            missing: missing.to_string(),
        }
    }

    fn describe(&self) -> String {
        let supported = match self.supported.as_str() {
            "" => "none",
            names => names,
        };
        match self.missing.as_str() {
            "" => supported.to_owned(),
            missing => format!("{supported}   (not in this kernel: {missing})"),
        }
    }
}

/// Splits a comma-separated list of names.
pub(crate) fn split_list(list: &str) -> Vec<&str> {
    list.split(',').filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(features: &Features, json: bool) -> String {
        let mut out = Vec::new();
        write(&mut out, features, json).expect("a Vec accepts all bytes");
        String::from_utf8(out).expect("UTF-8")
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
            "options     none   (not in this kernel: pidns_fd,pidfd,proc_fd)"
        );
        assert!(lines[4].starts_with("vma_flags   none   (not in this kernel: read,write,"));
        assert_eq!(lines[5..], ["recv_min    -"]);
    }

    #[test]
    fn full_feature_set_has_nothing_missing() {
        let mut all = Features::default();
        (all.groups, all.strategies) = (Show::all(), Strategies::all());
        (all.filters, all.options) = (FilterKinds::all(), Options::SELECTABLE);
        all.vma_flags = VmaFlags::all();
        all.recv_min = 8192;
        let text = written(&all, false);
        assert!(!text.contains("not in this kernel"));
        let lines: Vec<&str> = text.lines().skip(3).collect();
        assert_eq!(lines[0], "options     pidns_fd,pidfd,proc_fd");
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
