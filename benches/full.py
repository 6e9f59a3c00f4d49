"""The full copy of sysbench tables: `oms migrate` beside a dump, mydumper, and the target's ceiling.

Every measurement gets a target that was just made, so none inherits another's caches or garbage, and
the order of the ways rotates from run to run. A run counts only when all rows are at the target, with
their secondary index.
"""

import datetime
import os
import shutil
import sqlite3
import statistics
import subprocess
import time

import bench

TABLES = 4
COLUMNS = "id,k,c,pad"


class Spent:
    """Wall-clock and CPU time of some programs that run at once."""

    def __init__(self):
        self.begun = time.monotonic()
        self.cpu = 0.0
        self.memory = 0

    def wait(self, processes):
        """Waits for all of them."""
        for process in processes:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.cpu += usage.ru_utime + usage.ru_stime
            self.memory = max(self.memory, usage.ru_maxrss * 1024)
            if process.returncode:
                raise RuntimeError(f"{process.args} ended with {process.returncode}")
        self.seconds = time.monotonic() - self.begun
        return self


def oms(source, target):
    """`oms migrate`; the copy alone is what its own rm database says."""
    folder = os.path.join(bench.WORK, "run")
    environment = os.environ | {"OMS_KEY_FILE": f"{folder}/key", "OMS_SOURCE_PASSWORD": "", "OMS_TARGET_PASSWORD": ""}
    spent = Spent()
    with open(f"{folder}/out", "w", encoding="utf-8") as out:
        process = subprocess.Popen(
            [os.environ["OMS_BIN"], "migrate", "--source", source.root, "--target", target.root, "--include", "sbtest.*",
             "--rm", f"{folder}/rm.db", "--data-dir", f"{folder}/data", "--log-file", f"{folder}/log", "--output", "json"],
            env=environment, stdout=out, stderr=out)
        spent.wait([process])
    rows = sqlite3.connect(f"{folder}/rm.db").execute("SELECT step_name, start_time, finish_time FROM oms_step")
    moment = datetime.datetime.fromisoformat
    steps = {n: (moment(f) - moment(s)).total_seconds() for n, s, f in rows if s and f}
    spent.whole = spent.seconds
    spent.seconds = steps["FULL_TRANSFER"] + steps.get("INDEX_TRANSFER", 0)
    spent.steps = steps
    return spent


def dump(source, target):
    """`mariadb-dump | mariadb`. MySQL's caching_sha2_password lets Debian's client in because root has
    no password here."""
    spent = Spent()
    reading = subprocess.Popen(
        ["mariadb-dump", "--no-defaults", "-h127.0.0.1", f"-P{source.port}", "-uroot", "--single-transaction",
         "--databases", "sbtest"], stdout=subprocess.PIPE)
    writing = subprocess.Popen(target.client(), stdin=reading.stdout)
    reading.stdout.close()
    return spent.wait([reading, writing])


def mydumper(threads):
    """mydumper into files, then myloader."""
    def way(source, target):
        folder = os.path.join(bench.WORK, "run", "dump")
        spent = Spent()
        common = ["-h", "127.0.0.1", "-u", "root", "-B", "sbtest", "-t", str(threads)]
        spent.wait([subprocess.Popen(["mydumper", "-P", str(source.port), "-F", "64", "-o", folder, *common], stderr=subprocess.DEVNULL)])
        return spent.wait([subprocess.Popen(["myloader", "-P", str(target.port), "-d", folder, *common], stderr=subprocess.DEVNULL)])
    return way


def prepared(source, kind):
    """Files for the ceiling, made once: data of LOAD DATA, or statements of a megabyte."""
    folder = os.path.join(bench.WORK, "prepared", kind)
    os.makedirs(folder, exist_ok=True)
    for table in range(1, TABLES + 1):
        path = os.path.join(folder, f"{table}")
        if os.path.exists(path):
            continue
        if kind == "oceanbase":
            with open(path, "wb") as file:
                subprocess.run(["mariadb-dump", "--no-defaults", "-h127.0.0.1", f"-P{source.port}", "-uroot", "--no-create-info",
                                "--skip-add-locks", "--skip-disable-keys", "--skip-lock-tables", "--single-transaction",
                                "--net-buffer-length=1M", "sbtest", f"sbtest{table}"], stdout=file, check=True)
        else:
            with open(path, "wb") as file:
                subprocess.run(source.client("-N", "-B", "--quick", "-e", f"SELECT {COLUMNS} FROM sbtest.sbtest{table}"), stdout=file, check=True)
    return folder


def ceiling(source, target):
    """What the target can take: four clients at once with prepared data, the index after it."""
    folder = prepared(source, target.kind)
    target.sql("CREATE DATABASE sbtest CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
    for table in range(1, TABLES + 1):
        target.sql(f"CREATE TABLE sbtest.sbtest{table} (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, k INT NOT NULL DEFAULT 0, "
                   "c CHAR(120) NOT NULL DEFAULT '', pad CHAR(60) NOT NULL DEFAULT '')")
    spent = Spent()
    clients = []
    for table in range(1, TABLES + 1):
        path = os.path.join(folder, f"{table}")
        if target.kind == "oceanbase":
            with open(path, "rb") as file:
                clients.append(subprocess.Popen(target.client("--max-allowed-packet=64M", "sbtest"), stdin=file))
        else:
            load = f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE sbtest.sbtest{table} ({COLUMNS})"
            clients.append(subprocess.Popen(target.client("--local-infile=1", "-e", load)))
    spent.wait(clients)
    index = [subprocess.Popen(target.client("-e", f"ALTER TABLE sbtest.sbtest{t} ADD KEY k_{t} (k)")) for t in range(1, TABLES + 1)]
    return spent.wait(index)


def check(target, rows, way):
    """Fails unless every row and every index is at the target."""
    for table in range(1, TABLES + 1):
        found = target.sql(f"SELECT COUNT(*) FROM sbtest.sbtest{table}")
        keys = target.sql(f"SHOW KEYS FROM sbtest.sbtest{table}")
        if found != [str(rows)] or len(keys) != 2:
            raise RuntimeError(f"{way}: sbtest{table} has {found} rows and {len(keys)} keys at the target")


def measure(runs, rows=500_000, kinds=("mariadb", "oceanbase")):
    """All figures."""
    shutil.rmtree(os.path.join(bench.WORK, "prepared"), ignore_errors=True)
    source = bench.Server("mysql", "source", "--innodb-buffer-pool-size=1G")
    # utf8mb4_general_ci: a dump of MySQL's own default, utf8mb4_0900_ai_ci, is refused by MariaDB at
    # the first table. oms converts it; the other tools do not.
    source.sql("CREATE DATABASE sbtest CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
    bench.say(f"  making {TABLES} tables of {rows} rows")
    bench.sysbench(source, "oltp_read_write", f"--tables={TABLES}", f"--table-size={rows}", "--threads=2", "prepare")
    ways = {"oms": oms, "dump": dump, "mydumper2": mydumper(2), "mydumper4": mydumper(4), "ceiling": ceiling}
    out = []
    for kind in kinds:
        prepared(source, kind)
        spent = {way: [] for way in ways}
        names = list(ways)
        for turn in range(runs):
            for at in range(len(names)):
                way = names[(turn + at) % len(names)]
                extra = ("log_disk_size=8G",) if kind == "oceanbase" else ("--innodb-buffer-pool-size=1G",)
                target = bench.Server(kind, "target", *extra)
                folder = os.path.join(bench.WORK, "run")
                shutil.rmtree(folder, ignore_errors=True)
                os.makedirs(folder)
                one = ways[way](source, target)
                check(target, rows, way)
                target.stop()
                bench.say(f"  {kind} {way}: {one.seconds:.2f} s, CPU {one.cpu:.2f} s {getattr(one, 'steps', '')}")
                spent[way].append(one)
        out += figures_of(kind, rows, spent)
        shutil.rmtree(os.path.join(bench.WORK, "prepared"), ignore_errors=True)
    source.stop()
    return out


def figures_of(kind, rows, spent):
    """The lines of the report for one target."""
    seconds = {way: [one.seconds for one in all_] for way, all_ in spent.items()}
    ours = seconds["oms"]
    best = min(("mydumper2", "mydumper4"), key=lambda way: statistics.median(seconds[way]))
    memory = round(max(one.memory for one in spent["oms"]) / 1e6)
    to = f"copy of {TABLES} × {rows:,} rows, MySQL → {kind}"
    ceiling_is = "4 clients feeding statements of 1 MB" if kind == "oceanbase" else "4 × LOAD DATA LOCAL"
    goals = {"mariadb": (2.0, 1.4, 0.7), "oceanbase": (1.7, None, 0.7)}[kind]
    rate = rows * TABLES / statistics.median(ours)
    out = [
        bench.figure(f"{to}; mariadb-dump \\| mariadb", ours, seconds["dump"], goals[0],
                     note=f"{rate:,.0f} rows/s; peak memory of the whole command {memory} MB", memory_mb=memory),
        bench.figure(f"{to}; mydumper + myloader, {best[-1]} threads", ours, seconds[best], goals[1]),
        bench.figure(f"{to}; the target's ceiling, {ceiling_is}", ours, seconds["ceiling"], goals[2]),
        bench.figure(f"{to}, the whole command with its verification; mariadb-dump \\| mariadb", [one.whole for one in spent["oms"]], seconds["dump"]),
    ]
    if kind == "mariadb":
        out.append(bench.figure(f"{to}, CPU time of the whole command; mariadb-dump and mariadb",
                                [one.cpu for one in spent["oms"]], [one.cpu for one in spent["dump"]], 1.0))
    return out
