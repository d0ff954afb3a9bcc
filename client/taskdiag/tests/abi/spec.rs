// SPDX-License-Identifier: MIT
//! Numbers and structures of the YNL specification, by their names in C.

use std::fs;

use yaml_rust2::{Yaml, YamlLoader};

// A link to the specification of the repository, so that a package contains it.
const SPEC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/abi/taskdiag.yaml");

/// The specification.
pub(crate) struct Spec(Yaml);

impl Spec {
    pub(crate) fn read() -> Self {
        let text = fs::read_to_string(SPEC).unwrap_or_else(|error| panic!("{SPEC}: {error}"));
        let mut documents = YamlLoader::load_from_str(&text).unwrap();
        Self(documents.remove(0))
    }

    /// Returns every number: the entries of enums and flags, attributes, operations.
    pub(crate) fn numbers(&self) -> Vec<(String, i128)> {
        let mut numbers = Vec::new();
        for definition in items(&self.0["definitions"]) {
            let flags = match text(&definition["type"]) {
                "enum" => false,
                "flags" => true,
                _ => continue,
            };
            for (number, entry) in (0..).zip(items(&definition["entries"])) {
                let name = entry.as_str().unwrap_or_else(|| text(&entry["name"]));
                let number = entry["value"].as_i64().map_or(number, i128::from);
                let value = if flags { 1 << number } else { number };
                numbers.push((c_name(&definition["name-prefix"], name), value));
            }
        }
        let [attributes] = &items(&self.0["attribute-sets"])[..] else {
            panic!("one set of attributes");
        };
        numbers.extend(counted(
            &attributes["name-prefix"],
            &attributes["attributes"],
        ));
        let operations = &self.0["operations"];
        numbers.extend(counted(&operations["name-prefix"], &operations["list"]));
        numbers
    }

    /// Returns every structure, with the names and sizes of its fields.
    pub(crate) fn structures(&self) -> Vec<(String, Vec<(String, i128)>)> {
        items(&self.0["definitions"])
            .iter()
            .filter(|definition| text(&definition["type"]) == "struct")
            .map(|definition| {
                let fields = items(&definition["members"]).iter().map(field).collect();
                (text(&definition["name"]).replace('-', "_"), fields)
            })
            .collect()
    }

    /// Returns the structure of each attribute.
    pub(crate) fn of_attributes(&self) -> Vec<(String, Option<String>)> {
        items(&self.0["attribute-sets"][0]["attributes"])
            .iter()
            .map(|attribute| {
                let structure = attribute["struct"].as_str();
                (
                    text(&attribute["name"]).to_owned(),
                    structure.map(|name| name.replace('-', "_")),
                )
            })
            .collect()
    }
}

/// Returns list entries with their numbers: an entry without one continues the
/// numbers of the entry before.
fn counted(prefix: &Yaml, list: &Yaml) -> Vec<(String, i128)> {
    let mut next = 0;
    items(list)
        .iter()
        .map(|item| {
            let value = item["value"].as_i64().map_or(next, i128::from);
            next = value + 1;
            (c_name(prefix, text(&item["name"])), value)
        })
        .collect()
}

fn field(member: &Yaml) -> (String, i128) {
    let name = match text(&member["name"]) {
        "pad" => "__pad".to_owned(),
        name => name.replace('-', "_"),
    };
    let size = match text(&member["type"]) {
        "u64" | "s64" => 8,
        "u32" | "s32" => 4,
        "u8" => 1,
        "binary" => member["len"].as_i64().unwrap().into(),
        other => panic!("{name}: of type {other}"),
    };
    (name, size)
}

fn c_name(prefix: &Yaml, name: &str) -> String {
    format!("{}{name}", text(prefix))
        .replace('-', "_")
        .to_uppercase()
}

#[track_caller]
fn items(list: &Yaml) -> &Vec<Yaml> {
    list.as_vec().expect("a list")
}

#[track_caller]
fn text(yaml: &Yaml) -> &str {
    yaml.as_str().expect("a text")
}
