// SPDX-License-Identifier: MIT
//! `--maps` and `--smaps`: formats mappings as the text of `/proc/PID/maps` and
//! `smaps`.

use std::io::{self, Write};

use taskdiag::{TaskRef, Vma, VmaStat};

/// The column at which the name begins in a line of maps.
const NAME_COLUMN: usize = 73;

/// Writes the mappings of one message.
pub(crate) fn write(out: &mut dyn Write, task: TaskRef<'_>) -> io::Result<()> {
    let mut stats = task.vma_stats().into_iter().flatten();
    for vma in task.vmas().into_iter().flatten() {
        write_mapping(out, &vma)?;
        // The groups vma and vma_stat list mappings in the same order.
        if let Some(stat) = stats.next() {
            write_sizes(out, &vma, &stat)?;
        }
    }
    Ok(())
}

/// Writes the line of maps for a mapping.
fn write_mapping(out: &mut dyn Write, vma: &Vma<'_>) -> io::Result<()> {
    let mut line = format!(
        "{:08x}-{:08x} {} {:08x} {:02x}:{:02x} {} ",
        vma.start,
        vma.end,
        vma.flags.permissions(),
        vma.pgoff,
        vma.dev_major,
        vma.dev_minor,
        vma.ino,
    )
    .into_bytes();
    if let Some(name) = &vma.name {
        line.resize(line.len().max(NAME_COLUMN), b' ');
        for &byte in name.iter() {
            match byte {
                b'\n' => line.extend_from_slice(b"\\012"),
                byte => line.push(byte),
            }
        }
    }
    line.push(b'\n');
    out.write_all(&line)
}

/// Writes the lines of smaps that follow the line of maps.
///
/// Page sizes, protection keys and THP eligibility are missing, because
/// task_diag does not report them.
fn write_sizes(out: &mut dyn Write, vma: &Vma<'_>, stat: &VmaStat) -> io::Result<()> {
    for (name, bytes) in [
        ("Size", vma.size()),
        ("Rss", stat.rss),
        ("Pss", stat.pss),
        ("Pss_Dirty", stat.pss_dirty),
        ("Shared_Clean", stat.shared_clean),
        ("Shared_Dirty", stat.shared_dirty),
        ("Private_Clean", stat.private_clean),
        ("Private_Dirty", stat.private_dirty),
        ("Referenced", stat.referenced),
        ("Anonymous", stat.anonymous),
        ("KSM", stat.ksm),
        ("LazyFree", stat.lazy_free),
        ("AnonHugePages", stat.anon_thp),
        ("ShmemPmdMapped", stat.shmem_thp),
        ("FilePmdMapped", stat.file_thp),
        ("Shared_Hugetlb", stat.shared_hugetlb),
        ("Private_Hugetlb", stat.private_hugetlb),
        ("Swap", stat.swap),
        ("SwapPss", stat.swap_pss),
        ("Locked", stat.locked),
    ] {
        let name = format!("{name}:");
        writeln!(out, "{name:16}{:8} kB", bytes / 1024)?;
    }
    out.write_all(b"VmFlags: ")?;
    for word in vma.flags.mnemonics() {
        write!(out, "{word} ")?;
    }
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use taskdiag::VmaFlags;

    use super::*;

    fn vma(name: Option<&'static [u8]>) -> Vma<'static> {
        let mut vma = Vma::default();
        (vma.start, vma.end) = (0x5581_0000_0000, 0x5581_0000_3000);
        vma.flags = VmaFlags::READ | VmaFlags::EXEC | VmaFlags::MAYREAD;
        (vma.pgoff, vma.dev_major, vma.dev_minor, vma.ino) = (0x1000, 0xfd, 1, 1234);
        vma.name = name.map(Cow::Borrowed);
        vma
    }

    fn line(vma: &Vma<'_>) -> String {
        let mut out = Vec::new();
        write_mapping(&mut out, vma).expect("a Vec accepts all bytes");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn line_equals_that_of_proc_pid_maps() {
        assert_eq!(
            line(&vma(Some(b"/usr/bin/a\nb (deleted)"))),
            "558100000000-558100003000 r-xp 00001000 fd:01 1234                       \
             /usr/bin/a\\012b (deleted)\n"
        );
        // A mapping without a name has a blank at the end of the line.
        assert_eq!(
            line(&vma(None)),
            "558100000000-558100003000 r-xp 00001000 fd:01 1234 \n"
        );
    }

    #[test]
    fn sizes_are_in_kib_in_the_order_of_smaps() {
        let mut stat = VmaStat::default();
        (stat.rss, stat.pss, stat.locked) = (8192, 4097, 123_456_789 * 1024);
        let mut out = Vec::new();
        write_sizes(&mut out, &vma(None), &stat).expect("a Vec accepts all bytes");
        let text = String::from_utf8(out).expect("UTF-8");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 21);
        assert_eq!(lines[0], "Size:                 12 kB");
        assert_eq!(lines[1], "Rss:                   8 kB");
        assert_eq!(lines[2], "Pss:                   4 kB");
        assert_eq!(lines[19], "Locked:         123456789 kB");
        assert_eq!(lines[20], "VmFlags: rd ex mr ");
    }
}
