# SPDX-License-Identifier: GPL-2.0-only
"""
Tools that list tasks, their requests, and the rows of their replies.
"""

import json
import os
import struct
import subprocess
import sys

GROUPS = ["base", "cred", "stat", "vma", "vma-stat", "cmdline", "files", "ident", "ns", "cgroup",
          "io", "signals", "limits", "oom", "paths", "environ", "sched", "nspid"]
STRATEGIES = ["all", "one", "children", "thread", "all-thread", "descendants"]
ABSENT = ["gone", "denied", "busy", "limit", "leader"]
MSG_FLAGS = ["cont", "more"]
# Attributes of a group that may be in several messages of a row.
SPLIT = ["vma", "vma-stat", "cmdline", "paths", "environ"]
# Characters at the end of a failed program's output.
OUTPUT_SHOWN = 2000


def mask(groups):
    return sum(1 << GROUPS.index(group) for group in groups)


class Tools:
    """The tools of one kernel version."""

    def __init__(self, version, tree, client):
        self.version = version
        self.client = client
        self.spec = os.path.join(tree, "Documentation/netlink/specs/taskdiag.yaml")
        places = [os.path.join(tree, "tools/net/ynl", name) for name in ("pyynl/cli.py", "cli.py")]
        self.program = next(place for place in places if os.path.exists(place))

    def call_cli(self, *arguments, spec=None, **request):
        command = [sys.executable, "-B", self.program, "--spec", spec or self.spec, "--output-json"]
        return call(command + list(arguments) + ["--json", json.dumps(request)])

    def messages_of_cli(self, mode, strategy, pid=0, groups=GROUPS, **filters):
        """Messages of a reply, attributes by name."""
        request = {"cmd-attr-get": {
            "show-flags": mask(groups), "dump-strategy": STRATEGIES.index(strategy), "pid": pid,
        }}
        request.update({"cmd-attr-" + name.replace("_", "-"): value
                        for name, value in filters.items()})
        reply = json.loads(expect_success(self.call_cli("--" + mode, "get", **request)))
        return reply if isinstance(reply, list) else [reply]

    def messages_of_client(self, mode, strategy, pid=0, groups=GROUPS):
        """Messages of a reply, bytes of attributes by name."""
        result = self.call_client(mode, mask(groups), STRATEGIES.index(strategy), pid)
        return parse_lines(expect_success(result))

    def call_client(self, *arguments):
        return call([self.client] + [str(argument) for argument in arguments])


def call(command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)


def expect_success(result):
    if result.returncode:
        end = result.stdout[-OUTPUT_SHOWN:]
        raise AssertionError(f"{result.args}: exit status {result.returncode}: {end}")
    return result.stdout


def parse_lines(text):
    """Output of the C client."""
    messages = []
    for line in text.splitlines():
        fields = [word.split("=") for word in line.split()]
        messages.append({name.replace("_", "-"): bytes.fromhex(value) for name, value in fields})
    return messages


def rows_by_pid(messages):
    """Joins the messages of each row.  Fails if a task has more than one row."""
    rows = {}
    row = None
    unfinished = False
    for message in messages:
        pid, flags = pid_and_flags(message["msg"])
        if ("cont" in flags) != unfinished:
            raise AssertionError(f"{flags} in a message of {pid}, unfinished row: {unfinished}")
        unfinished = "more" in flags
        if "cont" not in flags:
            if pid in rows:
                raise AssertionError(f"two rows of {pid}")
            rows[pid] = row = dict(message)
            continue
        if pid_and_flags(row["msg"])[0] != pid:
            raise AssertionError(f"a message of {pid} continues another row")
        for name, value in message.items():
            if name in SPLIT and name in row:
                row[name] += value
            elif name not in ("msg", "pad"):
                if name in row:
                    raise AssertionError(f"{name} twice in the row of {pid}")
                row[name] = value
    if unfinished:
        raise AssertionError("the last row is unfinished")
    return rows


def pid_and_flags(msg):
    if isinstance(msg, bytes):
        pid, _, flags = struct.unpack("III", msg)
        return pid, {name for bit, name in enumerate(MSG_FLAGS) if flags >> bit & 1}
    return msg["pid"], set(msg["flags"])


def absent_groups(row):
    """Groups in the masks of a row, by the name of the mask."""
    absent = row.get("absent", {})
    if isinstance(absent, bytes):
        masks = zip(ABSENT, struct.unpack("QQQQQ", absent))
        return {name: [group for group in GROUPS if value & mask([group])]
                for name, value in masks}
    return absent
