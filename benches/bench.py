"""What the measurements have in common: servers, SQL, our own programs, medians, and the report.

Every measurement gives figures `{name, ours, beside, ratio, goal, met}`: `ratio` is how many times
`ours` is as good as `beside`, whichever way better goes, so that more is always better.
"""

import datetime
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CACHE = os.environ.get("OMS_CACHE", os.path.expanduser("~/.cache/oms"))
WORK = os.path.join(CACHE, "bench")
SERVERS = os.path.join(ROOT, "deploy", "servers.sh")


def say(text):
    """Tells the person who waits."""
    print(text, file=sys.stderr, flush=True)


def run(*command, **options):
    """Runs a program to its end; its standard output."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)[:300]} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


class Server:
    """A database server of our own, in a folder of its own."""

    def __init__(self, kind, name, *arguments):
        self.kind, self.dir = kind, os.path.join(WORK, name)
        run(SERVERS, "stop", "--dir", self.dir)
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)
        # the server outlives this command: nothing of ours may be open in it
        url = run(SERVERS, "start", kind, "--dir", self.dir, "--", *arguments).split()[-1]
        self.url = url if "://" in url else f"mysql://{url}"
        self.port = int(self.url.rsplit(":", 1)[1].split("/")[0])
        self.root = f"mysql://root@127.0.0.1:{self.port}"

    def client(self, *arguments):
        """The command line of a client."""
        return ["mariadb", "--no-defaults", "-h127.0.0.1", f"-P{self.port}", "-uroot", *arguments]

    def sql(self, text):
        """Runs SQL; the answer's lines."""
        return run(*self.client("-N", "-B", "-e", text)).splitlines()

    def stop(self):
        """Ends it and removes its folder."""
        run(SERVERS, "stop", "--dir", self.dir)
        shutil.rmtree(self.dir, ignore_errors=True)


def wait_until(what, condition, seconds=300, every=0.01):
    """Waits for a condition; says what it waited for where that does not come."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"waited {seconds} s in vain for {what}")
        time.sleep(every)


def sysbench(server, script, *arguments):
    """Runs a sysbench script against a server."""
    return run(
        "sysbench", script, "--db-driver=mysql", "--mysql-host=127.0.0.1", f"--mysql-port={server.port}",
        "--mysql-user=root", "--mysql-db=sbtest", *arguments,
    )


def copy_schema(source, target, schema="sbtest"):
    """Dumps a database into a target."""
    dump = ["mariadb-dump", "--no-defaults", "-h127.0.0.1", f"-P{source.port}", "-uroot",
            "--single-transaction", "--skip-lock-tables", "--databases", schema]
    with subprocess.Popen(dump, stdout=subprocess.PIPE) as reading:
        subprocess.run(target.client(), stdin=reading.stdout, check=True)
    if reading.returncode:
        raise RuntimeError("the dump failed")


def components(*arguments):
    """Runs our own component measurements; their figures."""
    program = os.environ["OMS_COMPONENTS"]
    return json.loads(run(program, *arguments).splitlines()[-1])


def figure(name, ours, beside, goal=None, less_is_better=True, unit="s", note="", **more):
    """One line of the report, from lists of runs."""
    mine = statistics.median(ours)
    other = statistics.median(beside) if beside else None
    ratio = None
    if other is not None and mine and other:
        ratio = round(other / mine if less_is_better else mine / other, 2)
    met = None if goal is None or ratio is None else ratio >= goal
    one = {"name": name, "ours": round(mine, 3), "beside": None if other is None else round(other, 3),
           "ratio": ratio, "goal": goal, "met": met, "unit": unit,
           "runs": {"ours": [round(v, 3) for v in ours], "beside": [round(v, 3) for v in beside or []]}}
    if note:
        one["note"] = note
    say(f"  {name}: {one['ours']} {unit} beside {one['beside']}: {ratio} x")
    return one | more


def machine():
    """One line about this machine."""
    model = platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    with open("/proc/meminfo", encoding="utf-8") as file:
        memory = int(file.readline().split()[1]) / 1024 / 1024
    model = models[0] if models else model
    return f"{len(os.sched_getaffinity(0))} cores of {model}, {memory:.0f} GB of memory, Linux {platform.release()}"


def versions():
    """The versions of what was measured."""
    packages = run("dpkg-query", "-W", "-f=${Package} ${Version}, ", "mariadb-server-core", "mariadb-client", "mydumper", "sysbench")
    mysql = os.path.basename(os.path.realpath(os.path.join(CACHE, "mysql")))
    return f"{packages}{mysql}, seekdb 1.4."


def today():
    """The date, UTC."""
    return f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}"


def lines_of(figures):
    """The figures as a table."""
    out = ["| measurement | ours | beside | ratio | goal | |", "|---|---|---|---|---|---|"]
    for one in figures:
        value = lambda v: "" if v is None else f"{v:,.3g}" if abs(v) < 100 else f"{v:,.0f}"
        mark = {True: "met", False: "not met", None: ""}[one["met"]]
        goal = "" if one["goal"] is None else f"{one['goal']}"
        beside = "" if one["beside"] is None else f"{value(one['beside'])} {one['unit']}"
        ratio = "" if one["ratio"] is None else f"{one['ratio']:.2f} ×"
        out.append(f"| {one['name']} | {value(one['ours'])} {one['unit']} | {beside} | {ratio} | {goal} | {mark} |")
    notes = [f"* {one['name']}: {one['note']}" for one in figures if one.get("note")]
    return out + ([""] + notes if notes else [])


HISTORY_HEAD = """# Every figure, run by run

Appended by `benches/run.sh`: medians, as in [performance.md](performance.md), which has the machine. Figures of
different days compare only as ratios.

| date | commit | measurement | ours | beside | ratio |
|---|---|---|---|---|---|
"""


def remember(document, figures):
    """Appends a line for each figure to the history."""
    new = not os.path.exists(document)
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], check=False,
                            capture_output=True, text=True).stdout.strip()
    with open(document, "a", encoding="utf-8") as file:
        if new:
            file.write(HISTORY_HEAD)
        for one in figures:
            value = lambda v: "" if v is None else f"{v:,.4g} {one['unit']}"
            ratio = "" if one["ratio"] is None else f"{one['ratio']:.2f} ×"
            file.write(f"| {today()} | {commit} | {one['name']} | {value(one['ours'])} | {value(one['beside'])} | {ratio} |\n")


def put(document, part, lines):
    """Replaces the marked part of a document, or appends it."""
    begin, end = f"<!-- {part}: made by benches/run.sh {part} -->", f"<!-- {part}: end -->"
    with open(document, encoding="utf-8") as file:
        text = file.read()
    if begin not in text:
        text = f"{text.rstrip()}\n\n{begin}\n{end}\n"
    before, rest = text.split(begin, 1)
    after = rest.split(end, 1)[1]
    with open(document, "w", encoding="utf-8") as file:
        file.write(before + begin + "\n" + "\n".join(lines) + "\n" + end + after)
