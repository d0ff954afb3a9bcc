# SPDX-License-Identifier: MIT
#
# psutil, used as its documentation shows: process_iter() with the needed fields.
import json
import resource
import sys
import time

CLOCKS = {"elapsed": time.monotonic_ns, "processor": time.thread_time_ns}
now = CLOCKS[sys.argv[2]]
start = now()
import psutil  # noqa: E402

FIELDS = ["pid", "ppid", "name", "uids", "gids"]
ENOUGH_NS = 3_000_000_000


def dump():
    return [process.info for process in psutil.process_iter(FIELDS)]


setup = now() - start
with open(sys.argv[3], "w") as listing:
    for info in dump():
        ids = (info["uids"].real, info["gids"].real)
        print(info["pid"], info["ppid"], *ids, info["name"], sep="\t", file=listing)
rounds = []
while len(rounds) < int(sys.argv[1]) and sum(rounds) < ENOUGH_NS:
    start = now()
    rows = sum(info["ppid"] >= 0 for info in dump())
    rounds.append(now() - start)
json.dump(
    {
        "own": [],
        "setup_ns": setup,
        "ns": rounds,
        "rows": rows,
        "receives": 0,
        "memory_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    },
    sys.stdout,
)
