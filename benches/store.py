"""The Store and the decoder: a gigabyte of a source's log pulled, decoded, and read again."""

import glob
import json
import os
import shutil

import bench


def history(source, megabytes):
    """Writes sysbench transactions until the log has so many megabytes; its files, start and end."""
    source.sql("CREATE DATABASE sbtest CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
    bench.sysbench(source, "oltp_write_only", "--tables=4", "--table-size=1000", "prepare")
    # a Store begins with the definitions as they are: all tables are there from the start
    most = megabytes // 50 + 2
    for table in range(1, most + 1):
        source.sql(f"CREATE TABLE sbtest.more{table} LIKE sbtest.sbtest1")
    source.sql("FLUSH BINARY LOGS")
    first = source.sql("SHOW BINARY LOG STATUS")[0].split("\t")[0]
    start = json.dumps(bench.components("position", "--source", source.root))
    bench.say(f"  writing {megabytes} MB of log at the source")
    for table in range(1, most + 1):
        # rows as sysbench makes them, inserted and updated in statements of many rows
        source.sql(f"INSERT INTO sbtest.more{table} SELECT * FROM sbtest.sbtest1")
        for _ in range(7):
            source.sql(f"INSERT INTO sbtest.more{table} (k, c, pad) SELECT k, c, pad FROM sbtest.more{table}")
        source.sql(f"UPDATE sbtest.more{table} SET k = k + 1")
        if sum(os.path.getsize(f) for f in files(source, first)) / 1e6 >= megabytes:
            break
    return first, start, json.dumps(bench.components("position", "--source", source.root))


def files(source, first):
    """The log's files from one on."""
    every = sorted(glob.glob(os.path.join(source.dir, "data", "binlog.[0-9]*")))
    return [path for path in every if os.path.basename(path) >= first]


def measure_decode(runs, megabytes=400):
    """Decoding on one core."""
    source = bench.Server("mysql", "source", "--max-binlog-size=1G")
    first, _, _ = history(source, megabytes)
    rates = [bench.components("decode", "--source", source.root, "--schema", "sbtest", *files(source, first)) for _ in range(runs)]
    bench.say(f"  {rates[-1]}")
    source.stop()
    one = bench.figure("decoding a binlog of sysbench rows, one core", [r["mb_per_s"] for r in rates], [], unit="MB/s")
    return [one | {"goal": "≥ 250 MB/s", "met": one["ours"] >= 250}]


def measure(runs, megabytes=1000):
    """Pulling and reading again."""
    source = bench.Server("mysql", "source", "--max-binlog-size=1G")
    _, start, until = history(source, megabytes)
    store = os.path.join(bench.WORK, "store")
    common = ("--source", source.root, "--include", "sbtest.*", "--start", start, "--until", until, "--dir", store)
    pulls, replays = [], {1: [], 10: []}
    for _ in range(runs):
        shutil.rmtree(store, ignore_errors=True)
        pulls.append(bench.components("pull", *common))
        bench.say(f"  {pulls[-1]}")
        for consumers, kept in replays.items():
            kept.append(bench.components("replay", *common, "--consumers", str(consumers)))
            bench.say(f"  {kept[-1]}")
    source.stop()
    memory = round(max(one["peak_memory"] for one in pulls) / 1e6)
    out = [bench.figure("pulling a log of sysbench rows into a Store", [p["mb_per_s"] for p in pulls], [], unit="MB/s",
                        note=f"peak memory {memory} MB")]
    for consumers, kept in replays.items():
        who = "a consumer" if consumers == 1 else f"{consumers} consumers at once, together"
        one = bench.figure(f"reading {kept[0]['bytes'] / 1e6:,.0f} MB of a Store, {who}", [r["mb_per_s"] for r in kept], [], unit="MB/s",
                           note=f"peak memory {max(r['peak_memory'] for r in kept) / 1e6:.0f} MB")
        out.append(one | {"goal": "≥ 300 MB/s", "met": one["ours"] >= 300})
    return out
