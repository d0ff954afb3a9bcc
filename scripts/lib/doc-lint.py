#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-only
"""
Checks the Markdown documents of the project against its files:

  links   the file and the heading of each relative link exist
  paths   each path in backticks is that of a tracked file or directory; a path
          without a top-level directory is the end of a tracked path
  abi     numbers, offsets, types and sizes in docs/protocol.md are those of the ABI
  names   each function in backticks, as `name()` or `Type::name()`, is a word
          of the sources; each test that is named is defined

Usage: doc-lint.py

Prints a line per error; the exit status is 1 if there is one.
"""

import fnmatch
import os
import re
import subprocess
import sys

# Placeholders for the files of a new group, and of a release.
PLACEHOLDER = re.compile(r"(^|/)x\.(rs|c)$|[<>…]|VERSION|\bNAME\b|\$|^~|^/|://")
# Files that a build or a program writes.
GENERATED = ["kernel/task_diag.ko", "target/*", "benches/baseline.new"]
# Paths of the Linux tree that begin like paths of the project.
UPSTREAM_PATHS = ["include/linux/*"]
# Functions of the Linux tree that no source of the project mentions.
UPSTREAM_NAMES = ["aa_may_ptrace", "find_ge_pid"]
# Functions of a new group, strategy or filter.
NEW_NAMES = re.compile(r"(^|_)x(_|$)")

SOURCE_EXTENSIONS = ("rs", "c", "h", "py", "sh", "md", "yaml", "toml", "txt", "config", "patch")
TEST_REFERENCE = re.compile(r"`(\w+_test)`((?:,? (?:and )?`(?!\w+_test`)[\w.*]+`)*)")


def tracked_files():
    output = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                            stdout=subprocess.PIPE, check=True).stdout.decode()
    return [path for path in output.split("\n") if path and os.path.exists(path)]


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def without_code_blocks(text):
    """The text with empty lines in the place of code blocks."""
    lines, code = [], False
    for line in text.split("\n"):
        fence = line.lstrip().startswith("```")
        code ^= fence
        lines.append("" if code or fence else line)
    return "\n".join(lines)


def anchors(text):
    """Anchors of the headings, as GitHub derives them."""
    found = {}
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", without_code_blocks(text), re.MULTILINE):
        heading = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        count = found.get(anchor, 0)
        found[anchor] = count + 1
        if count:
            found[f"{anchor}-{count}"] = 1
    return set(found)


class Project:
    """The tracked files, and the words of those that are not documents."""

    def __init__(self):
        self.files = tracked_files()
        self.directories = {path[:index] for path in self.files
                            for index, byte in enumerate(path) if byte == "/"}
        self.top = {path.split("/")[0] for path in self.files if "/" in path}
        self.documents = [path for path in self.files if path.endswith(".md")
                          and not path.startswith("LICENSES/")]
        self.words = set()
        for path in self.files:
            if not path.endswith((".md", ".csv", ".svg", ".lock")):
                self.words.update(re.findall(r"\w+", read(path)))

    def has_path(self, path):
        path = path.rstrip("/")
        if path in self.directories or path in self.files:
            return True
        if "*" in path:
            return bool(fnmatch.filter([*self.files, *self.directories], path))
        return False

    def has_end_of_path(self, path):
        end = "/" + path
        return any(("/" + file).endswith(end) for file in self.files)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def check_links(project, path, text):
    for match in re.finditer(r"\[(?:[^\[\]]|\[[^]]*\])*\]\(\s*([^)\s]+)\)", text):
        target, _, anchor = match.group(1).partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = os.path.normpath(os.path.join(os.path.dirname(path), target)) if target else path
        if not project.has_path(file):
            yield match.start(), f"link to missing file {target}"
        elif anchor and file.endswith(".md") and anchor not in anchors(read(file)):
            yield match.start(), f"link to missing heading {match.group(1)}"


def check_paths(project, path, text):
    for match in re.finditer(r"`([^`\n]+)`", text):
        for word in match.group(1).split():
            word = word.strip(",;:\"'")
            if not re.fullmatch(r"[\w.*{},/+-]+", word) or PLACEHOLDER.search(word):
                continue
            if any(fnmatch.fnmatch(word, known) for known in GENERATED + UPSTREAM_PATHS):
                continue
            local = os.path.normpath(os.path.join(os.path.dirname(path), word))
            if word.split("/")[0] in project.top and "/" in word:
                if not project.has_path(word) and not project.has_path(local):
                    yield match.start(), f"missing path {word}"
            elif re.search(r"\w\.(%s)$" % "|".join(SOURCE_EXTENSIONS), word):
                if "*" not in word and not project.has_end_of_path(word):
                    yield match.start(), f"no file is named {word}"


def check_names(project, _path, text):
    for match in re.finditer(r"`(?:\w+::)*(\w+)\(\)`", text):
        name = match.group(1)
        if name not in project.words and name not in UPSTREAM_NAMES and not NEW_NAMES.search(name):
            yield match.start(), f"no source has the word {name}"
    # Names of tests: at least three words.
    for match in re.finditer(r"`([a-z0-9]+(?:_[a-z0-9]+){2,})`", text):
        if match.group(1) not in project.words and match.group(1) not in UPSTREAM_NAMES:
            yield match.start(), f"no source has the word {match.group(1)}"
    for match in re.finditer(r"`((?:\w+::)+)(\w+)`", text):
        for word in match.group(1).split("::")[:-1] + [match.group(2)]:
            if word not in project.words and not project.has_end_of_path(word + ".rs"):
                yield match.start(), f"no source has the word {word}"


def check_tests(_project, _path, text):
    for match in TEST_REFERENCE.finditer(text):
        file = f"selftests/taskdiag/{match.group(1)}.c"
        if not os.path.exists(file):
            yield match.start(), f"there is no {file}"
            continue
        defined = [".".join(names) for names in
                   re.findall(r"\bTEST_F(?:_TIMEOUT)?\((\w+),\s*(\w+)", read(file))]
        alone = re.findall(r"\bTEST(?:_TIMEOUT)?\((\w+)", read(file))
        variants = [".".join(names) for names in
                    re.findall(r"\bFIXTURE_VARIANT_ADD\((\w+),\s*(\w+)\)", read(file))]
        for name in re.findall(r"`([\w.*]+)`", match.group(2)):
            # fixture.test, fixture.variant.test or fixture.variant
            candidates = alone + defined + variants + [
                f"{variant}.{test.split('.', 1)[1]}" for variant in variants for test in defined
                if test.split(".")[0] == variant.split(".")[0]]
            if not fnmatch.filter(candidates, name):
                yield match.start(), f"{file} has no test {name}"


class Abi:
    """The frozen copy of the ABI header, which a test compares with the header."""

    def __init__(self, text):
        self.numbers, self.sizes, self.fields = {}, {}, {}
        for line in text.split("\n"):
            words = line.split()
            if words[:1] == ["number"]:
                self.numbers[words[1]] = int(words[2])
            elif words[:1] == ["struct"]:
                self.sizes[words[1]] = int(words[3])
            elif words[:1] == ["field"]:
                self.fields.setdefault(words[1], []).append(
                    (words[2], int(words[3]), " ".join(words[4:])))


def cells_of(line):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def tables_of(text):
    """Position, header and rows of each table; rows with their positions."""
    table, position = None, 0
    for line in text.split("\n"):
        if line.startswith("|"):
            if table is None:
                table = (position, cells_of(line), [])
            elif not line.startswith("|---"):
                table[2].append((position, cells_of(line)))
        elif table:
            yield table
            table = None
        position += len(line) + 1


def check_fields(abi, struct, header, rows):
    """Compares a table of fields with a structure."""
    fields = {name: (offset, kind) for name, offset, kind in abi.fields[struct]}
    documented = set()
    types = header.index("type") if "type" in header else None
    for position, row in rows:
        names = re.findall(r"`(\w+)`", row[1])
        for index, name in enumerate(names):
            documented.add(name)
            if name not in fields:
                yield position, f"struct {struct} has no field {name}"
                continue
            offset, kind = fields[name]
            if index == 0 and str(offset) != row[0]:
                yield position, f"{struct}.{name} is at offset {offset}, not {row[0]}"
            if index and offset <= fields.get(names[index - 1], (-1,))[0]:
                yield position, f"{struct}.{name} is not behind {names[index - 1]}"
            named = row[types].split(" × ")[0] if types is not None else None
            if named and not kind.startswith("struct") and kind.replace("__", "") != named:
                yield position, f"{struct}.{name} has the type {kind}, not {named}"
    for name in fields.keys() - documented - {"reserved"}:
        yield rows[0][0], f"{struct}.{name} is missing"


def bits_of(text):
    """The bits of "1 to 3", of "4, 5" or of "6"."""
    match = re.fullmatch(r"(\d+) to (\d+)", text)
    if match:
        return list(range(int(match.group(1)), int(match.group(2)) + 1))
    return [int(bit) for bit in re.findall(r"\d+", text)]


def check_bits(abi, prefix, column, rows):
    """Compares a table of bits with the numbers of a prefix."""
    for position, row in rows:
        values = {name: int(value) for name, value in
                  re.findall(r"`(\w+)` = (\d+)", row[column])}
        if not values:
            names = [name for name in re.findall(r"`([A-Z]\w+)`", row[column])]
            bits = bits_of(row[0])
            if len(names) != len(bits):
                yield position, f"{len(names)} names for the bits {row[0]}"
            values = {name: 1 << bit for name, bit in zip(names, bits)}
        for name, value in values.items():
            if abi.numbers.get(prefix + name) != value:
                yield position, f"{prefix}{name} is {abi.numbers.get(prefix + name)}, not {value}"


def check_abi(_project, path, text):
    if path != "docs/protocol.md":
        return
    abi = Abi(read("client/taskdiag/tests/abi/frozen.txt"))
    for match in re.finditer(r"`struct\s+(task_diag_\w+)`, (\d+)\s+bytes", text):
        if abi.sizes.get(match.group(1)) != int(match.group(2)):
            yield match.start(), f"struct {match.group(1)} has {abi.sizes.get(match.group(1))} bytes"
    for match in re.finditer(r"^### (\w+)\n\nBit (\d+), attribute (\d+)", text, re.MULTILINE):
        group = match.group(1)
        if (abi.numbers.get("TASK_DIAG_GROUP_" + group), abi.numbers.get("TASK_DIAG_" + group)) != (
                int(match.group(2)), int(match.group(3))):
            yield match.start(), f"group {group} has other numbers"
    for match in re.finditer(r"`(TASK_DIAG_[A-Z]+_)(\w+)` = (\d+)((?:, `_\w+` = \d+)*)", text):
        values = [(match.group(2), match.group(3))]
        values += re.findall(r"`_(\w+)` = (\d+)", match.group(4))
        for name, value in values:
            if abi.numbers.get(match.group(1) + name) != int(value):
                yield match.start(), f"{match.group(1)}{name} is not {value}"
    documented = set()
    for start, header, rows in tables_of(text):
        prefixes = [(column, match.group(1)) for column, cell in enumerate(header)
                    if (match := re.fullmatch(r"`(TASK_DIAG_\w*_)`", cell))]
        if header[0] == "offset":
            struct = re.findall(r"\btask_diag_\w+", text[:start] + " ".join(header))[-1]
            documented.add(struct)
            yield from check_fields(abi, struct, header, rows)
        for column, prefix in prefixes:
            yield from check_bits(abi, prefix, column, rows)
        for position, row in rows:
            name = re.fullmatch(r"`(TASK_DIAG_\w+)`", row[0])
            if name and row[1].isdigit() and abi.numbers.get(name.group(1)) != int(row[1]):
                yield position, f"{name.group(1)} is not {row[1]}"
    for struct in abi.sizes.keys() - documented - {"task_diag_caps"}:
        yield 0, f"there is no table of struct {struct}"
    for name in abi.numbers:
        is_known = name.startswith(("TASK_DIAG_DUMP_", "TASK_DIAG_CMD_ATTR_"))
        if is_known and f"`{name}`" not in text:
            yield 0, f"{name} is missing"


def main():
    if sys.argv[1:]:
        print(__doc__.strip())
        sys.exit(0 if sys.argv[1] in ("-h", "--help") else 2)
    project = Project()
    errors = 0
    for path in project.documents:
        text = without_code_blocks(read(path))
        for check in (check_links, check_paths, check_abi, check_names, check_tests):
            for position, error in check(project, path, text):
                print(f"{path}:{line_of(text, position)}: {error}")
                errors += 1
    print(f"{len(project.documents)} documents, {errors} errors")
    sys.exit(errors > 0)


if __name__ == "__main__":
    main()
