// SPDX-License-Identifier: MIT
//! The groups CMDLINE, VMA and VMA_STAT: rows that outgrow a message.

use std::fs::File;

use zerocopy::IntoBytes;

use super::folder::{Folder, Lack, Proc};
use super::member::Member;
use super::request::Tasks;
use super::smaps::{Area, Smaps};
use super::text::Stat;
use crate::abi::{self, TaskDiagVma, TaskDiagVmaStat};
use crate::answer::{ATTRIBUTE, ATTRIBUTE_MAX, Message};
use crate::show::Show;
use crate::task::Absent;

/// Less of a command line is not worth an attribute.
const CMDLINE_MIN: usize = 64;
/// Records begin at multiples of this.
const ALIGNMENT: usize = 8;

/// The groups that may go on in another message.
pub(super) const LONG: Show = Show::CMDLINE.union(AREAS);
const AREAS: Show = Show::VMA.union(Show::VMA_STAT);

/// How much has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    All,
    /// The message is full.
    Some,
}

/// A row that may go on in the next message: what is still to be told.
#[derive(Debug)]
pub(super) struct Long {
    pub(super) member: Member,
    /// The groups that the row lacks so far.
    pub(super) absent: Absent,
    folder: Folder,
    /// What its memory was when the row was begun.
    memory: (bool, u64),
    cmdline: Option<File>,
    smaps: Option<Smaps>,
    /// The area that had no room.
    pending: bool,
    area: Area,
    stats: Vec<u8>,
}

impl Long {
    pub(super) fn begin(
        member: Member,
        folder: Folder,
        stat: &Stat,
        tasks: &Tasks,
        absent: Absent,
    ) -> Result<Self, Lack> {
        let mut long = Self {
            member,
            absent,
            memory: stat.memory(),
            cmdline: None,
            smaps: None,
            pending: false,
            area: Area::default(),
            stats: Vec::new(),
            folder,
        };
        if tasks.show.contains(Show::CMDLINE) {
            match long.folder.file("cmdline") {
                Ok(file) => long.cmdline = Some(file),
                Err(Lack::Denied) => long.absent.denied |= Show::CMDLINE,
                Err(lack) => return Err(lack),
            }
        }
        let areas = tasks.show.intersection(AREAS);
        if member.pid != member.tgid {
            long.absent.leader |= areas;
        } else if !areas.is_empty() {
            match long.folder.file("smaps") {
                Ok(file) => long.smaps = Some(Smaps::new(Some(file))),
                // The task has no memory.
                Err(Lack::Gone) => long.smaps = Some(Smaps::new(None)),
                Err(Lack::Denied) => long.absent.denied |= areas,
                Err(lack) => return Err(lack),
            }
        }
        Ok(long)
    }

    /// The groups that are not complete yet.
    pub(super) fn rest(&self, tasks: &Tasks) -> Show {
        let mut rest = Show::empty();
        rest.set(Show::CMDLINE, self.cmdline.is_some());
        if self.smaps.is_some() {
            rest |= tasks.show.intersection(AREAS);
        }
        rest
    }

    /// The groups of these that the row has not listed as absent.
    pub(super) fn reported(&self, tasks: &Tasks) -> Show {
        let groups = tasks.show.intersection(LONG);
        groups.difference(self.absent.groups())
    }

    /// Whether the task is there, and has the memory that the row is about.
    pub(super) fn is_the_same(&self, proc: &mut Proc) -> bool {
        let stat = proc.read_in(&self.folder, "stat");
        stat.is_ok_and(|stat| Stat::parse(stat).is_some_and(|stat| stat.memory() == self.memory))
    }

    /// Puts as much as fits.
    pub(super) fn put(&mut self, message: &mut Message, tasks: &Tasks) -> Result<Told, Lack> {
        if let Some(cmdline) = &mut self.cmdline {
            if put_cmdline(cmdline, message)? == Told::Some {
                return Ok(Told::Some);
            }
            self.cmdline = None;
        }
        if self.smaps.is_some() {
            let begin = message.len();
            let told = self.put_areas(message, tasks);
            if told.is_err() {
                message.truncate(begin);
            }
            return told;
        }
        Ok(Told::All)
    }

    /// Puts areas; the numbers in a message are those of its areas.
    fn put_areas(&mut self, message: &mut Message, tasks: &Tasks) -> Result<Told, Lack> {
        let begin = message.len();
        let wanted = tasks.filters.vma_flags.unwrap_or_default().bits();
        let vma = tasks
            .show
            .contains(Show::VMA)
            .then(|| message.open(abi::TASK_DIAG_VMA));
        let want_stats = tasks.show.contains(Show::VMA_STAT);
        let mut any = false;
        self.stats.clear();
        let told = loop {
            if !self.pending && !self.next_area()? {
                break Told::All;
            }
            self.pending = true;
            if self.area.vma.flags & wanted != wanted {
                self.pending = false;
                continue;
            }
            let Some(needed) = self.fits(message, vma, want_stats) else {
                break Told::Some;
            };
            if vma.is_some() {
                put_vma(message, &self.area, needed);
            }
            if want_stats {
                self.stats.extend_from_slice(self.area.stat.as_bytes());
            }
            self.pending = false;
            any = true;
        };
        if told == Told::Some && !any {
            message.truncate(begin);
            return match message.is_bare_row() {
                true => Err(Lack::NoRoom(begin + self.length(want_stats))),
                false => Ok(told),
            };
        }
        if let Some(at) = vma {
            message.close(at);
        }
        if want_stats {
            message.put(abi::TASK_DIAG_VMA_STAT, &self.stats);
        }
        Ok(told)
    }

    fn next_area(&mut self) -> Result<bool, Lack> {
        match &mut self.smaps {
            Some(smaps) => smaps.next(&mut self.area),
            None => Ok(false),
        }
    }

    /// The length of the area's record, if that has room, and the numbers of
    /// the message's areas and of this have it behind.
    fn fits(&self, message: &Message, vma: Option<usize>, want_stats: bool) -> Option<usize> {
        let record = vma.map_or(0, |_| record_len(&self.area));
        let stats = match want_stats {
            true => ATTRIBUTE + self.stats.len() + size_of::<TaskDiagVmaStat>(),
            false => 0,
        };
        let attribute = vma.map_or(0, |at| message.len_from(at) + record);
        let fits = record + stats <= message.room()
            && attribute <= ATTRIBUTE_MAX
            && stats <= ATTRIBUTE_MAX;
        fits.then_some(record)
    }

    /// What the area takes in a message.
    fn length(&self, want_stats: bool) -> usize {
        let stats = match want_stats {
            true => ATTRIBUTE + size_of::<TaskDiagVmaStat>(),
            false => 0,
        };
        ATTRIBUTE + record_len(&self.area) + stats
    }
}

fn record_len(area: &Area) -> usize {
    let name = match area.name.len() {
        0 => 0,
        len => len + 1,
    };
    (size_of::<TaskDiagVma>() + name).next_multiple_of(ALIGNMENT)
}

fn put_vma(message: &mut Message, area: &Area, len: usize) {
    const PADDING: [u8; ALIGNMENT] = [0; ALIGNMENT];
    let size = size_of::<TaskDiagVma>();
    let vma = TaskDiagVma {
        len: len as u32,
        name_off: if area.name.is_empty() { 0 } else { size as u32 },
        ..area.vma
    };
    message.append(vma.as_bytes());
    message.append(&area.name);
    // One byte of it at least, if there is a name, is the NUL behind that.
    message.append(&PADDING[..len - size - area.name.len()]);
}

fn put_cmdline(cmdline: &mut File, message: &mut Message) -> Result<Told, Lack> {
    let room = message.room().min(ATTRIBUTE_MAX).saturating_sub(ATTRIBUTE) & !3;
    if room < CMDLINE_MIN {
        return match message.is_bare_row() {
            true => Err(Lack::NoRoom(message.len() + ATTRIBUTE + CMDLINE_MIN)),
            false => Ok(Told::Some),
        };
    }
    let at = message.open(abi::TASK_DIAG_CMDLINE);
    match message.append_from(cmdline, room) {
        Ok(read) => {
            message.close(at);
            Ok(if read == room { Told::Some } else { Told::All })
        }
        Err(error) => {
            message.truncate(at);
            Err(error.into())
        }
    }
}
