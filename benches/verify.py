"""Full-Verification of sysbench tables, beside both servers computing CRC32 sums by hand at once."""

import subprocess
import time

import bench

TABLES = 4


def by_hand(source, target):
    """Seconds in which both servers, at once, compute a sum over every whole table."""
    columns = "SELECT COUNT(*), SUM(CRC32(CONCAT_WS('#',id,k,c,pad))) FROM sbtest.sbtest"
    text = ";".join(f"{columns}{table}" for table in range(1, TABLES + 1))
    begun = time.monotonic()
    both = [subprocess.Popen(server.client("-N", "-B", "-e", text), stdout=subprocess.DEVNULL)
            for server in (source, target)]
    if any(process.wait() for process in both):
        raise RuntimeError("the sums failed")
    return time.monotonic() - begun


def ours(source, target, differences):
    """Figures of one run."""
    figures = bench.components("verify", "--source", source.root, "--target", target.root, "--schema", "sbtest",
                               "--dir", f"{bench.WORK}/run", "--options", '{"table_diff_max": 10000000}')
    if figures["differences"] != differences:
        raise RuntimeError(f"{figures['differences']} differences found, not {differences}")
    bench.say(f"  {figures}")
    return figures


def measure(runs, rows=500_000):
    """All figures."""
    out = []
    source = bench.Server("mysql", "source", "--innodb-buffer-pool-size=2G")
    source.sql("CREATE DATABASE sbtest CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
    bench.say(f"  making {TABLES} tables of {rows} rows")
    bench.sysbench(source, "oltp_read_write", f"--tables={TABLES}", f"--table-size={rows}", "--threads=2", "prepare")
    for kind, extra in (("mariadb", ("--innodb-buffer-pool-size=2G", "--skip-log-bin")), ("oceanbase", ("log_disk_size=8G",))):
        target = bench.Server(kind, "target", *extra)
        bench.copy_schema(source, target)
        by_hand(source, target)
        equal, hand = [], []
        for _ in range(runs):
            hand.append(by_hand(source, target))
            equal.append(ours(source, target, 0))
        memory = round(max(one["peak_memory"] for one in equal) / 1e6)
        name = f"verification of {rows * TABLES:,} rows, MySQL and {kind}; CRC32 sums by hand on both at once"
        out.append(bench.figure(name, [one["seconds"] for one in equal], hand, 0.6 if kind == "mariadb" else None,
                                note=f"peak memory {memory} MB", memory_mb=memory))
        for table in range(1, TABLES + 1):
            target.sql(f"UPDATE sbtest.sbtest{table} SET k = k + 1 WHERE id % 10 = 0")
        wrong = ours(source, target, rows * TABLES // 10)
        out.append(bench.figure(f"the same, MySQL and {kind}, every tenth row different; nothing different",
                                [wrong["seconds"]], [one["seconds"] for one in equal],
                                note=f"every difference found; peak memory {wrong['peak_memory'] / 1e6:.0f} MB"))
        target.stop()
    source.stop()
    return out
