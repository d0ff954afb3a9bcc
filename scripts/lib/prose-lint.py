#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-only
"""
Lists lines of comments, documents and messages that match a pattern of unclear
prose.

Usage: prose-lint.py [--all | BASE]

BASE is a commit: the lines that were added since its merge base with HEAD are
checked.  The default is origin/main, or HEAD if there is no such branch, or the
commit before HEAD if nothing differs from that.  The lines of untracked files
count as added, and lines that were only moved do not.  --all lists all lines of
the tree.

The exit status is 1 if an added line matches, or if the tree has more than
MATCHES_MAX matches.
"""

import re
import subprocess
import sys

# Matches in the whole tree.  Lower the number with each line that is rewritten.
MATCHES_MAX = 2

# Lines to rewrite as subject, verb and object, with the terms of docs/glossary.md.
PATTERNS = [
    # Write task, caller, sender, opener, reader; "who" is for human beings.
    ("who-for-task", r"\b([Ww]ho(ever)?|[Ww]hom(ever)?|[Nn]obody|[Ss]omebody|[Ee]verybody"
                     r"|[Aa]nybody)('s)?\b"),
    # Write report, return, list, log, print.
    ("tell-for-report", r"\b([Tt]ell|[Tt]ells|[Tt]old|[Tt]elling)\b"),
    # Name the noun: "cost", not "what it costs".
    ("free-relative", r"\b[Ww]hat (is|are|was|were|has|have|had|it|they|there|comes|came|a|the"
                      r"|goes|stays|takes|no|one)\b"),
    # The subject must be in the sentence itself.
    ("anaphor-opener", r"^\s*(The same|Likewise|As [a-z]+ it|Those|These|That of|Its own"
                       r"|It itself|Of (its|the|these|those|this)|But for|Nor|So many|As many"
                       r"|Such an?)\b"),
    ("likewise", r"\b[Ll]ikewise\b"),
    # Write except, unless, whether or not.
    ("but-for", r"\bbut for\b|\bbe it\b|\ball but\b"),
    # Write per: "one message per task".
    ("distributive-a", r"\b(message|line|row|structure|record|file|folder|group|call|descriptor"
                       r"|pidfd|object|byte|thread|bar|filler) an? (task|line|group|read|row"
                       r"|message|event|listener|area|file|process|call|figure|thread)\b"),
    ("metaphor", r"\b(door|doors|room|rooms|eyes|judge|judges|judged|verdict|cast|rival|rivals"
                 r"|oracle|witness|crowd|guest|house|storm|giant|pillar|pillars|scene|stage"
                 r"|specimen|roster|peculiarit\w+|clothes|blind|silence|silenced|patience"
                 r"|way in)\b"),
    ("without-a-word", r"\bwithout (a|another) word\b|\bgoes without saying\b"),
    # Write "is not a".
    ("no-x-for-not-a-x", r"\b(is|are|of) no (?!longer\b|more than\b|less than\b)[a-z]+\b"),
    ("kin", r"\band (its|their )?kin\b|\bas of\b"),
    ("stand", r"\b(stand|stands|stood) (in|beside|behind|at|with|for|to)\b"),
]

# Parts of lines that are right as they are: (path, pattern of text).
EXCEPTIONS = [
    # The established name of the workload.
    (r"", r"\b[Ff]ork[ -]storms?\b"),
    (r"fork_storm|descendants_test", r"\bstorm\b"),
    # The other side of the host, and the field of that name in /proc/PID/stat.
    (r"^scripts/|architecture|glossary", r"\b[Gg]uest\b"),
    (r"", r"\bguest CPU time\b"),
    # A plain statement about absence.
    (r"", r"\b[Tt]here (is|are) no\b"),
    # The account of uid 65534, and human users.
    (r"", r"\buser `?nobody\b"),
    (r"", r"\b(A|a) user (with many zombies, )?who\b"),
]

EXTENSIONS = {"md", "rs", "c", "h", "sh", "yaml", "config"}


def git(*arguments):
    return subprocess.run(["git", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          check=True).stdout.decode(errors="replace")


def extension(path):
    """The extension; "sh" for a file without one."""
    name = path.rsplit("/", 1)[-1]
    return name.rsplit(".", 1)[1] if "." in name else "sh"


def is_checked(path):
    return (not path.startswith("LICENSES") and not path.endswith(".lock")
            and extension(path) in EXTENSIONS)


def markdown_prose(lines):
    code = False
    for number, line in enumerate(lines, 1):
        if line.startswith("```"):
            code = not code
        elif not code:
            yield number, line


def source_prose(lines, has_block_comments):
    comment = False
    for number, line in enumerate(lines, 1):
        match = re.match(r"\s*//[/!]?\s?(.*)", line)
        if match:
            yield number, match.group(1)
            continue
        if has_block_comments and (comment or "/*" in line):
            text = line if comment else line.split("/*", 1)[1]
            comment = "*/" not in text
            yield number, text.split("*/")[0].strip().lstrip("*").strip()
            continue
        for text in re.findall(r'"((?:[^"\\]|\\.){12,})"', line):
            yield number, text


def script_prose(lines):
    for number, line in enumerate(lines, 1):
        match = re.match(r"\s*#\s?(.*)", line)
        if match:
            yield number, match.group(1)


def prose(path):
    """Numbers and texts of the lines of prose in a file."""
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().split("\n")
    except (OSError, UnicodeDecodeError):
        return iter(())
    kind = extension(path)
    if kind == "md":
        return markdown_prose(lines)
    if kind in ("rs", "c", "h"):
        return source_prose(lines, kind != "rs")
    return script_prose(lines)


def matches(path):
    """Line numbers, names of patterns and texts of the matches in a file."""
    for number, text in prose(path):
        if "SPDX" in text:
            continue
        rest = text
        for where, what in EXCEPTIONS:
            if re.search(where, path):
                rest = re.sub(what, "", rest)
        for name, pattern in PATTERNS:
            if re.search(pattern, rest):
                yield number, name, text.strip()


def commit(name):
    try:
        return git("rev-parse", "--verify", "--quiet", name + "^{commit}").strip()
    except subprocess.CalledProcessError:
        return None


def untracked_files():
    return set(git("ls-files", "--others", "--exclude-standard").split("\n")) - {""}


def find_base(name):
    """The commit to compare with; None if there is none."""
    if name and not commit(name):
        sys.exit(f"prose-lint.py: '{name}' is not a commit")
    base = "HEAD"
    if name or commit("origin/main"):
        base = git("merge-base", "HEAD", name or "origin/main").strip()
    if not name and not git("diff", "--name-only", base) and not untracked_files():
        return commit("HEAD~1")
    return commit(base)


def added_lines(base):
    """Numbers of the added lines by path, except those that were moved."""
    added, removed = {}, set()
    path, number = None, 0
    for line in git("diff", "--unified=0", "--no-color", "--no-ext-diff", "--no-renames",
                    base).split("\n"):
        if line.startswith("+++ "):
            path = line[6:].split("\t")[0]
        elif line.startswith("@@"):
            number = int(re.match(r"@@ -\S+ \+(\d+)", line).group(1))
        elif line.startswith("+"):
            added.setdefault(path, {})[number] = line[1:].strip()
            number += 1
        elif line.startswith("-") and not line.startswith("--- "):
            removed.add(line[1:].strip())
    return {path: {number for number, text in lines.items() if text not in removed}
            for path, lines in added.items()}


def main():
    arguments = sys.argv[1:]
    if len(arguments) > 1 or (arguments and arguments[0] in ("-h", "--help")):
        print(__doc__.strip())
        sys.exit(len(arguments) > 1 and 2)
    show_all = arguments == ["--all"]
    base = None if show_all else find_base(arguments[0] if arguments else None)
    added = added_lines(base) if base else {}
    total, new = 0, 0
    untracked = untracked_files()
    paths = sorted(untracked.union(git("ls-files").split("\n")) - {""})
    for path in filter(is_checked, paths):
        for number, name, text in matches(path):
            total += 1
            is_new = number in added.get(path, ()) or (base and path in untracked)
            new += bool(is_new)
            if show_all or is_new:
                print(f"{path}:{number}: {name}: {text[:160]}")
    if base:
        print(f"{new} matches on lines that were added since {base[:12]}")
    print(f"{total} matches in the tree; at most {MATCHES_MAX} are permitted")
    sys.exit(new > 0 or total > MATCHES_MAX)


if __name__ == "__main__":
    main()
