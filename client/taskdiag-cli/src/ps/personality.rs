// SPDX-License-Identifier: MIT
//! `$PS_PERSONALITY`: differences between implementations of `ps`, by their names.

use std::env;

bitflags::bitflags! {
    /// Differences in the meaning of options.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(super) struct Quirks: u16 {
        /// All words are BSD options.
        const FORCE_BSD = 1;
        /// Without options, the selection and the columns are those of BSD.
        const BSD_DEFAULTS = 2;
        /// `h` repeats the headings on each page.
        const H_REPEATS = 4;
        /// `m` sorts by memory.
        const M_SORTS = 8;
        /// `m` selects columns of memory.
        const M_IS_FORMAT = 16;
        /// `-l` shows the processor instead of ADDR.
        const NO_ADDRESS = 32;
        /// `-f` shows USER instead of UID.
        const USER_HEADING = 64;
        /// Session leaders are selected with `g` only.
        const NO_LEADERS = 128;
        /// `-l` shows SZ:RSS.
        const IRIX_LONG = 256;
        /// `-x` widens the command.
        const HPUX_X = 512;
        /// `-x` means `-y`.
        const SVR4_X = 1024;
    }
}

/// The columns of the format options, as lists of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sets {
    pub(super) bsd_j: &'static str,
    pub(super) bsd_l: &'static str,
    pub(super) bsd_s: &'static str,
    pub(super) bsd_u: &'static str,
    pub(super) bsd_v: &'static str,
    /// UNIX options; `None` if the options select columns one by one.
    pub(super) unix_f: Option<&'static str>,
    pub(super) unix_fl: Option<&'static str>,
    pub(super) unix_j: Option<&'static str>,
    pub(super) unix_l: Option<&'static str>,
}

/// An implementation of `ps` to behave like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Personality {
    pub(super) quirks: Quirks,
    pub(super) sets: Sets,
}

const LINUX: Sets = Sets {
    bsd_j: "ppid,pid,pgid,sid,tname,tpgid,stat,uid,bsdtime,args",
    bsd_l: "flags,uid,pid,ppid,priority,nice,vsz,rss,wchan,stat,tname,bsdtime,args",
    bsd_s: "uid,pid,pending,sig_block,sig_ignore,caught,stat,tname,bsdtime,args",
    bsd_u: "user,pid,pcpu,pmem,vsz,rss,tname,stat,start_time,bsdtime,args",
    bsd_v: "pid,tname,stat,bsdtime,maj_flt,m_trs,m_drs,rss,pmem,args",
    unix_f: None,
    unix_fl: None,
    unix_j: None,
    unix_l: None,
};

const FREEBSD: Sets = Sets {
    bsd_j: "user,pid,ppid,pgid,sess,jobc,stat,tt,time,command",
    bsd_l: "uid,pid,ppid,cpu,pri,nice,vsz,rss,wchan,stat,tt,time,command",
    bsd_u: "user,pid,pcpu,pmem,vsz,rss,tt,stat,start,time,command",
    bsd_v: "pid,stat,time,sl,re,pagein,vsz,rss,lim,tsiz,pcpu,pmem,command",
    ..LINUX
};

const DEBIAN: Sets = Sets {
    unix_f: Some("uid,pid,ppid,start_time,tname,bsdtime,args"),
    unix_j: Some("pid,tname,state,bsdtime,pgid,sid,comm"),
    unix_l: Some("flags,state,uid,pid,ppid,priority,nice,wchan,tname,bsdtime,comm"),
    ..LINUX
};

const DIGITAL: Sets = Sets {
    bsd_j: "user,pid,ppid,pgid,sess,jobc,state,tname,cputime,command",
    bsd_l: "uid,pid,ppid,cp,pri,nice,vsz,rss,wchan,state,tname,cputime,command",
    bsd_s: "uid,pid,cursig,sig,sigmask,sigignore,sigcatch,stat,tname,command",
    bsd_u: "uname,pid,pcpu,pmem,vsz,rss,tt,state,start,time,command",
    bsd_v: "pid,tt,state,time,sl,pagein,vsz,rss,pcpu,pmem,command",
    unix_f: Some("uname,pid,ppid,c,start,tname,time,cmd"),
    unix_fl: Some("f,state,uid,pid,ppid,pcpu,pri,nice,rss,wchan,start,time,command"),
    unix_j: Some("user,pid,ppid,pgid,sess,jobc,state,tname,cputime,command"),
    unix_l: Some("f,state,uid,pid,ppid,c,pri,nice,addr,sz,wchan,tt,time,ucmd"),
};

const S390: Sets = Sets {
    unix_j: Some("pid,sid,pgrp,tname,atime,args"),
    ..LINUX
};

/// The default personality.
const UNKNOWN: Personality = Personality {
    quirks: Quirks::empty(),
    sets: LINUX,
};

const BSD: Quirks = Quirks::FORCE_BSD
    .union(Quirks::BSD_DEFAULTS)
    .union(Quirks::H_REPEATS)
    .union(Quirks::M_SORTS);
const OLD: Quirks = Quirks::FORCE_BSD
    .union(Quirks::BSD_DEFAULTS)
    .union(Quirks::M_IS_FORMAT);
const GNU: Quirks = Quirks::BSD_DEFAULTS.union(Quirks::M_IS_FORMAT);
const TRU64: Quirks = Quirks::BSD_DEFAULTS.union(Quirks::H_REPEATS);
const SUNOS: Quirks = Quirks::BSD_DEFAULTS.union(Quirks::NO_LEADERS);
const ANY_LINUX: Quirks = Quirks::NO_ADDRESS.union(Quirks::USER_HEADING);

/// Names that differ from the default. Other names mean the default, like
/// `posix`, `unix98` and `solaris2`.
const NAMED: &[(&[&str], Quirks, Sets)] = &[
    (&["bsd"], BSD, FREEBSD),
    (&["old"], OLD, LINUX),
    (&["debian", "gnu"], GNU, DEBIAN),
    (&["linux"], ANY_LINUX, LINUX),
    (&["aix"], Quirks::empty(), FREEBSD),
    (&["tru64", "compaq", "digital"], TRU64, DIGITAL),
    (&["sunos4"], SUNOS, FREEBSD),
    (&["irix", "sgi"], Quirks::IRIX_LONG, LINUX),
    (&["os390", "s390", "390"], Quirks::empty(), S390),
    (&["hp", "hpux"], Quirks::HPUX_X, LINUX),
    (&["svr4", "sysv", "sco"], Quirks::SVR4_X, LINUX),
];

impl Default for Personality {
    fn default() -> Self {
        UNKNOWN
    }
}

impl Personality {
    /// Returns the personality that the environment names.
    pub(super) fn from_env() -> Self {
        if env::var_os("I_WANT_A_BROKEN_PS").is_some() {
            return Self::named("old");
        }
        let names = ["PS_PERSONALITY", "CMD_ENV"].into_iter();
        let name = names
            .filter_map(|name| env::var(name).ok())
            .find(|value| !value.is_empty());
        let xpg = env::var("_XPG").unwrap_or_default();
        match Self::named(&name.unwrap_or_default()) {
            irix if irix.quirks.contains(Quirks::IRIX_LONG) && is_standard(&xpg) => UNKNOWN,
            personality => personality,
        }
    }

    /// Returns the personality of this name, in any case.
    pub(super) fn named(name: &str) -> Self {
        let lower = name.to_ascii_lowercase();
        let entry = NAMED
            .iter()
            .find(|(names, ..)| names.contains(&lower.as_str()));
        entry.map_or(UNKNOWN, |&(_, quirks, sets)| Self { quirks, sets })
    }

    /// Whether the quirk applies.
    pub(super) fn has(&self, quirk: Quirks) -> bool {
        self.quirks.contains(quirk)
    }
}

/// Whether `$_XPG` requests the standard behaviour of IRIX.
fn is_standard(xpg: &str) -> bool {
    xpg.starts_with(|c: char| matches!(c, '1'..='9'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_mean_the_default() {
        for name in ["", "posix", "unix98", "no-such-system"] {
            assert_eq!(Personality::named(name), UNKNOWN, "{name}");
        }
        assert!(Personality::named("BSD").has(Quirks::FORCE_BSD));
        assert_eq!(Personality::named("sgi"), Personality::named("irix"));
    }
}
