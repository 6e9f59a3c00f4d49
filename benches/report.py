"""Keeps the measurements of benches/run.sh, and makes a table of medians from them.

    report.py add RESULTS TARGET RUN TOOL START END FOLDER    one measurement, times in seconds
    report.py full RESULTS ROWS TABLES VERSIONS [DOCUMENT]    prints the table; puts it into DOCUMENT
"""

import datetime
import json
import os
import platform
import sqlite3
import statistics
import sys

NAMES = {
    "oms": "`oms migrate`, the copy (FULL_TRANSFER + INDEX_TRANSFER)",
    "oms_all": "`oms migrate`, the whole command: log, schema, copy, catching up, verification",
    "dump": "`mariadb-dump \\| mariadb`",
    "mydumper": "mydumper + myloader, 4 threads",
}
BEGIN, END = "<!-- full: made by benches/run.sh full -->", "<!-- full: end -->"


def step_seconds(rm):
    """How long each step took, from the rm database."""
    rows = sqlite3.connect(rm).execute("SELECT step_name, start_time, finish_time FROM oms_step")
    time = datetime.datetime.fromisoformat
    return {n: (time(f) - time(s)).total_seconds() for n, s, f in rows if s and f}


def add(results, target, run, tool, start, end, folder):
    """Appends one measurement."""
    one = {"target": target, "run": int(run), "tool": tool, "seconds": round(float(end) - float(start), 2)}
    if tool == "oms":
        steps = step_seconds(os.path.join(folder, "rm.db"))
        one["copy"] = round(steps["FULL_TRANSFER"] + steps.get("INDEX_TRANSFER", 0), 2)
        one["steps"] = {name: round(seconds, 2) for name, seconds in steps.items()}
        with open(os.path.join(folder, "memory"), encoding="ascii") as file:
            one["memory_mb"] = round(int(file.read().split()[-1]) / 1024)
    with open(results, "a", encoding="utf-8") as file:
        file.write(json.dumps(one) + "\n")


def machine():
    """One line about this machine."""
    model, memory = platform.machine(), 0
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    with open("/proc/meminfo", encoding="utf-8") as file:
        memory = int(file.readline().split()[1]) / 1024 / 1024
    model = models[0] if models else model
    return f"{len(os.sched_getaffinity(0))} cores of {model}, {memory:.0f} GB of memory, Linux {platform.release()}"


def table(measured, rows, tables):
    """The table's lines, one for each target and way."""
    lines = ["| target | way | seconds, median (all) | rows/s | times the first | peak memory of `oms` |"]
    lines.append("|---|---|---|---|---|---|")
    for target in dict.fromkeys(one["target"] for one in measured):
        of = [one for one in measured if one["target"] == target]
        times = {tool: [one["seconds"] for one in of if one["tool"] == tool] for tool in ("dump", "mydumper")}
        oms = [one for one in of if one["tool"] == "oms"]
        times = {"oms": [one["copy"] for one in oms], "oms_all": [one["seconds"] for one in oms], **times}
        memory = max((one["memory_mb"] for one in oms), default=0)
        times = {way: seconds for way, seconds in times.items() if seconds}
        base = statistics.median(next(iter(times.values())))
        for way, seconds in times.items():
            median = statistics.median(seconds)
            every = ", ".join(f"{s:.1f}" for s in seconds)
            own = f"{memory} MB" if way == "oms_all" else ""
            lines.append(
                f"| {target} | {NAMES[way]} | {median:.1f} ({every}) | {rows * tables / median:,.0f} "
                f"| {median / base:.2f} | {own} |"
            )
    return lines


def full(results, rows, tables, versions, document=None):
    """Prints the table; replaces the part between the marks in `document`."""
    with open(results, encoding="utf-8") as file:
        measured = [json.loads(line) for line in file]
    runs = max(one["run"] for one in measured)
    rows, tables = int(rows), int(tables)
    lines = [
        f"{tables} tables of {rows:,} sysbench rows each, from MySQL; medians of {runs} run(s) in one go, each on a "
        "target that was just made, the order of the tools rotating.",
        "",
        *table(measured, rows, tables),
        "",
        f"Machine: {machine()}. Versions: {', '.join(versions.split(chr(10)))}. "
        f"Date: {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}.",
    ]
    print("\n".join(lines))
    if document:
        put(document, lines)


def put(document, lines):
    """Replaces the marked part of a document, or makes the document."""
    text = "# Performance\n\n## The full copy\n\n" + BEGIN + "\n" + END + "\n"
    if os.path.exists(document):
        with open(document, encoding="utf-8") as file:
            old = file.read()
        text = old if BEGIN in old and END in old else old.rstrip() + "\n\n## The full copy\n\n" + BEGIN + "\n" + END + "\n"
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    with open(document, "w", encoding="utf-8") as file:
        file.write(before + BEGIN + "\n" + "\n".join(lines) + "\n" + END + after)


if __name__ == "__main__":
    {"add": add, "full": full}[sys.argv[1]](*sys.argv[2:])
