"""Incr-Sync: what a Store holds, applied to a target, beside MySQL's own replica.

The source writes sysbench's oltp_write_only transactions. Each run has a target that was just filled
with the tables as they were before; both ways begin when everything is pulled: our Store holds the
transactions, the replica has them in its relay log. Same settings of the target for both.
"""

import json
import os
import shutil
import time

import bench

TABLES, ROWS = 4, 100_000
BINLOG = ("--innodb-buffer-pool-size=1G", "--innodb-redo-log-capacity=1G")


class Case:
    """A source with its history, and the tables as they were before it."""

    def __init__(self, transactions, rows=ROWS, hot=False):
        self.transactions = transactions
        self.source = bench.Server("mysql", "source", *BINLOG)
        size = 25 if hot else rows
        self.source.sql("CREATE DATABASE sbtest CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
        common = (f"--tables={TABLES}", f"--table-size={size}")
        bench.sysbench(self.source, "oltp_write_only", *common, "prepare")
        self.before = os.path.join(bench.WORK, "before.sql")
        with open(self.before, "w", encoding="utf-8") as file:
            file.write(bench.run("mariadb-dump", "--no-defaults", "-h127.0.0.1", f"-P{self.source.port}", "-uroot",
                                 "--single-transaction", "--databases", "sbtest"))
        self.gtid = self.source.sql("SELECT @@GLOBAL.gtid_executed")[0].replace("\\n", "")
        self.start = self.position()
        bench.say(f"  writing {transactions} transactions at the source")
        bench.sysbench(self.source, "oltp_write_only", *common, f"--events={transactions}", "--time=0",
                       "--threads=4", "--mysql-ignore-errors=1213,1020,1205,1062", "--rand-type=uniform", "run")
        self.until = self.position()

    def position(self):
        """The end of the source's log, JSON."""
        return json.dumps(bench.components("position", "--source", self.source.root))

    def target(self, kind):
        """A target with the tables as they were before."""
        extra = {"oceanbase": ("log_disk_size=8G",), "mysql": BINLOG}.get(kind, ("--innodb-buffer-pool-size=1G", "--innodb-log-file-size=1G"))
        target = bench.Server(kind, "target", *extra)
        with open(self.before, encoding="utf-8") as file:
            bench.run(*target.client(), stdin=file)
        return target

    def check(self, target, why):
        """Both sides hold the same."""
        for table in range(1, TABLES + 1):
            sums = f"SELECT COUNT(*), SUM(CRC32(CONCAT_WS('#',id,k,c,pad))) FROM sbtest.sbtest{table}"
            if self.source.sql(sums) != target.sql(sums):
                raise RuntimeError(f"{why}: sbtest{table} differs at the target")

    def ours(self, kind, options="{}", *flags):
        """Seconds and figures of one run of ours."""
        target = self.target(kind)
        store = os.path.join(bench.WORK, "store")
        shutil.rmtree(store, ignore_errors=True)
        figures = bench.components(
            "apply", "--source", self.source.root, "--target", target.root, "--include", "sbtest.*",
            "--start", self.start, "--until", self.until, "--dir", store, "--options", options, *flags)
        self.check(target, "oms")
        target.stop()
        bench.say(f"  oms to {kind}: {figures}")
        return figures

    def replica(self):
        """Seconds of one run of MySQL's own replica."""
        target = self.target("mysql")
        target.sql("RESET BINARY LOGS AND GTIDS")
        target.sql(f"SET GLOBAL gtid_purged = '{self.gtid}'; SET GLOBAL replica_parallel_workers = 4")
        target.sql(
            f"CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT={self.source.port}, "
            "SOURCE_USER='root', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1")
        target.sql("START REPLICA IO_THREAD")
        end = self.source.sql("SELECT @@GLOBAL.gtid_executed")[0].replace("\\n", "")
        missing = (f"SELECT GTID_SUBTRACT(GTID_SUBTRACT('{end}', '{self.gtid}'), received_transaction_set) = '' "
                   "FROM performance_schema.replication_connection_status")
        bench.wait_until("the replica's relay log", lambda: target.sql(missing) == ["1"], every=0.2)
        begun = time.monotonic()
        target.sql("START REPLICA SQL_THREAD")
        target.sql(f"SELECT WAIT_FOR_EXECUTED_GTID_SET('{end}', 300)")
        seconds = time.monotonic() - begun
        self.check(target, "the replica")
        target.stop()
        bench.say(f"  MySQL's replica: {seconds:.1f} s")
        return seconds


def big_transaction(gigabytes=2):
    """One transaction larger than the memory that it may take."""
    source = bench.Server("mysql", "source", *BINLOG)
    create = ("CREATE DATABASE sbtest CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci; "
              "CREATE TABLE sbtest.big (id INT PRIMARY KEY, v VARCHAR(2000))")
    source.sql(create)
    start = json.dumps(bench.components("position", "--source", source.root))
    bench.say(f"  writing a transaction of {gigabytes} GB at the source")
    rows = gigabytes * 500_000
    source.sql(f"SET cte_max_recursion_depth = {rows}; INSERT INTO sbtest.big WITH RECURSIVE s AS "
               f"(SELECT 1 n UNION ALL SELECT n + 1 FROM s WHERE n < {rows}) SELECT n, REPEAT(CHAR(65 + n % 26), 2000) FROM s")
    # the log goes on in a new file behind it: something must be there to be pulled
    source.sql("INSERT INTO sbtest.big VALUES (0, 'last')")
    until = json.dumps(bench.components("position", "--source", source.root))
    target = bench.Server("mariadb", "target", "--innodb-buffer-pool-size=1G", "--innodb-log-file-size=1G")
    target.sql(create)
    store = os.path.join(bench.WORK, "store")
    shutil.rmtree(store, ignore_errors=True)
    figures = bench.components("apply", "--source", source.root, "--target", target.root, "--include", "sbtest.*",
                               "--start", start, "--until", until, "--dir", store)
    if target.sql("SELECT COUNT(*) FROM sbtest.big") != [str(rows + 1)]:
        raise RuntimeError("the transaction is not at the target")
    bench.say(f"  {figures}")
    source.stop()
    target.stop()
    shutil.rmtree(store, ignore_errors=True)
    memory = figures["peak_memory"] / 1e6
    one = bench.figure(f"peak memory, a transaction of {gigabytes} GB, Store and Incr-Sync", [memory], [], unit="MB",
                       note=f"pulled before, applied in {figures['seconds']:.0f} s")
    return one | {"goal": "≤ 512 MB", "met": memory <= 512}


def measure(runs, transactions=100_000, only=""):
    """All figures."""
    out = []
    case = Case(transactions)
    ours, beside = [], []
    for _ in range(runs):
        ours.append(case.ours("mysql"))
        beside.append(case.replica())
    seconds = [one["seconds"] for one in ours]
    memory = round(max(one["peak_memory"] for one in ours) / 1e6)
    name = f"apply of {transactions:,} oltp_write_only transactions, MySQL → MySQL; MySQL's replica, 4 workers"
    out.append(bench.figure(name, seconds, beside, 2.5, memory_mb=memory,
                            note=f"{transactions / sorted(seconds)[len(seconds) // 2]:,.0f} transactions/s; peak memory {memory} MB"))
    if only == "mysql":
        case.source.stop()
        return out
    for kind in ("mariadb", "oceanbase"):
        other = [case.ours(kind) for _ in range(runs)]
        out.append(bench.figure(f"the same, MySQL → {kind}; MySQL → MySQL", [one["seconds"] for one in other], seconds))
    atomic = [case.ours("mysql", '{"transaction_mode": "atomic"}')["seconds"] for _ in range(runs)]
    out.append(bench.figure("the same, MySQL → MySQL, atomic mode; eventual mode", atomic, seconds))
    verified = [case.ours("mysql", "{}", "--incr-verify") for _ in range(runs)]
    looked = verified[-1]["incr_verification"]["looked_at"]
    if any(one["incr_verification"]["suspects"] for one in verified):
        raise RuntimeError("the incremental verification suspects rows that are right")
    out.append(bench.figure("the same, MySQL → MySQL, with INCR_VERIFIER behind; without it",
                            [one["seconds"] for one in verified], seconds, 0.85,
                            note=f"{looked:,} rows looked at"))
    case.source.stop()
    hot = Case(transactions, hot=True)
    collided = [hot.ours("mysql")["seconds"] for _ in range(runs)]
    out.append(bench.figure("the same work on 100 hot rows; without conflicts", collided, seconds, 0.7))
    hot.source.stop()
    out.append(big_transaction())
    return out
