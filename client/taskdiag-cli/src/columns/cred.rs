// SPDX-License-Identifier: MIT
//! Columns of the group `cred`: users, groups and capabilities.

use taskdiag::Show;

use super::Align::{Left, Name, Right};
use super::{Column, column};
use crate::value::Value;

const CRED: Show = Show::CRED;

#[rustfmt::skip]
pub(super) static COLUMNS: &[Column] = &[
    column(&[("user", "USER"), ("euser", "EUSER"), ("uname", "USER")], 8, Name, CRED,
        |row, _| Some(Value::User(row.cred?.euid?)), "effective user"),
    column(&[("ruser", "RUSER")], 8, Name, CRED,
        |row, _| Some(Value::User(row.cred?.uid?)), "real user"),
    column(&[("suser", "SUSER"), ("svuser", "SVUSER")], 8, Name, CRED,
        |row, _| Some(Value::User(row.cred?.suid?)), "saved user"),
    column(&[("fuser", "FUSER"), ("fsuser", "FSUSER")], 8, Name, CRED,
        |row, _| Some(Value::User(row.cred?.fsuid?)), "user for file system access"),
    column(&[("uid", "UID"), ("euid", "EUID")], 5, Right, CRED,
        |row, _| Some(Value::Number(row.cred?.euid?.into())), "effective user id"),
    column(&[("ruid", "RUID")], 5, Right, CRED,
        |row, _| Some(Value::Number(row.cred?.uid?.into())), "real user id"),
    column(&[("suid", "SUID"), ("svuid", "SVUID")], 5, Right, CRED,
        |row, _| Some(Value::Number(row.cred?.suid?.into())), "saved user id"),
    column(&[("fsuid", "FSUID"), ("fuid", "FUID")], 5, Right, CRED,
        |row, _| Some(Value::Number(row.cred?.fsuid?.into())), "user id for file system access"),
    column(&[("group", "GROUP"), ("egroup", "EGROUP")], 8, Name, CRED,
        |row, _| Some(Value::Group(row.cred?.egid?)), "effective group"),
    column(&[("rgroup", "RGROUP")], 8, Name, CRED,
        |row, _| Some(Value::Group(row.cred?.gid?)), "real group"),
    column(&[("sgroup", "SGROUP"), ("svgroup", "SVGROUP")], 8, Name, CRED,
        |row, _| Some(Value::Group(row.cred?.sgid?)), "saved group"),
    column(&[("fgroup", "FGROUP"), ("fsgroup", "FSGROUP")], 8, Name, CRED,
        |row, _| Some(Value::Group(row.cred?.fsgid?)), "group for file system access"),
    column(&[("gid", "GID"), ("egid", "EGID")], 5, Right, CRED,
        |row, _| Some(Value::Number(row.cred?.egid?.into())), "effective group id"),
    column(&[("rgid", "RGID")], 5, Right, CRED,
        |row, _| Some(Value::Number(row.cred?.gid?.into())), "real group id"),
    column(&[("sgid", "SGID"), ("svgid", "SVGID")], 5, Right, CRED,
        |row, _| Some(Value::Number(row.cred?.sgid?.into())), "saved group id"),
    column(&[("fsgid", "FSGID"), ("fgid", "FGID")], 5, Right, CRED,
        |row, _| Some(Value::Number(row.cred?.fsgid?.into())), "group id for file system access"),
    column(&[("capeff", "CAPEFF"), ("caps", "CAPS")], 16, Left, CRED,
        |row, _| Some(Value::Caps(row.cred?.cap_effective?)), "effective capabilities"),
    column(&[("capprm", "CAPPRM")], 16, Left, CRED,
        |row, _| Some(Value::Caps(row.cred?.cap_permitted?)), "permitted capabilities"),
    column(&[("capinh", "CAPINH")], 16, Left, CRED,
        |row, _| Some(Value::Caps(row.cred?.cap_inheritable?)), "inheritable capabilities"),
    column(&[("capbnd", "CAPBND")], 16, Left, CRED,
        |row, _| Some(Value::Caps(row.cred?.cap_bset?)), "capability bounding set"),
    column(&[("capamb", "CAPAMB")], 16, Left, CRED,
        |row, _| Some(Value::Caps(row.cred?.cap_ambient?)), "ambient capabilities"),
    column(&[("securebits", "SECUREBITS")], 10, Left, CRED,
        |row, _| Some(Value::Bits(row.cred?.securebits?.into())), "secure bits, SECBIT_* of capabilities(7)"),
    column(&[("nnp", "NNP")], 3, Left, CRED,
        |row, _| Some(Value::Flag(row.cred?.no_new_privs?)), "no_new_privs: execve() grants no privileges"),
];
