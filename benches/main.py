"""Runs measurements and writes what they found; called by benches/run.sh, which installs everything."""

import argparse
import fcntl
import json
import os
import subprocess

import bench
import full
import incr
import latency
import projects
import store
import switch
import verify

WHAT = {
    "full": full.measure,
    "decode": store.measure_decode,
    "store": store.measure,
    "incr": incr.measure,
    "latency": latency.measure,
    "verify": verify.measure,
    "projects": projects.measure,
    "switch": switch.measure,
}


def main():
    """The command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", nargs="*")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json")
    parser.add_argument("--no-docs", action="store_true")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--targets")
    parser.add_argument("--circles", type=int, default=switch.CIRCLES)
    arguments = parser.parse_args()
    os.makedirs(bench.WORK, exist_ok=True)
    with open(os.path.join(bench.WORK, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.fcntl(lock, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
        every = []
        try:
            for what in arguments.what or list(WHAT):
                every += one(what, arguments)
        finally:
            for name in ("source", "target"):
                subprocess.run([bench.SERVERS, "stop", "--dir", os.path.join(bench.WORK, name)], check=False)
    print("\n".join(bench.lines_of(every)))
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(every, file, indent=2)


def one(what, arguments):
    """One measurement, into the document as well."""
    bench.say(f"== {what}")
    more = {}
    if arguments.rows and what in ("full", "verify"):
        more["rows"] = arguments.rows
    if arguments.targets and what in ("full", "switch"):
        more["kinds"] = arguments.targets.split()
    of = f"Medians of {arguments.runs}"
    if what == "switch":
        more["circles"] = arguments.circles
        of = f"{arguments.circles} circles with each target, none left out"
    figures = WHAT[what](arguments.runs, **more)
    if not arguments.no_docs:
        lines = bench.lines_of(figures)
        lines += ["", f"{of}. Machine: {bench.machine()}. {bench.versions()} Date: {bench.today()}."]
        bench.put(os.path.join(bench.ROOT, "docs", "performance.md"), what, lines)
        bench.remember(os.path.join(bench.ROOT, "docs", "performance-history.md"), figures)
    return figures


main()
