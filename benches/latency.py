"""Commit-to-visible latency: a writer at the source, a reader that asks the target all the time."""

import os
import shutil
import subprocess
import time

import bench

TABLE = "CREATE DATABASE lat; CREATE TABLE lat.t (id BIGINT PRIMARY KEY, v INT); INSERT INTO lat.t VALUES (0, 0)"


def times(source, target, rate, after):
    """One run at a rate; the writer has two seconds to warm up."""
    for count in (int(rate * 2), int(rate * 10)):
        figures = bench.components("latency", "--source", source.root, "--target", target.root, "--table", "lat.t",
                                   "--rate", str(rate), "--count", str(count), "--after", str(after))
        after += count
    bench.say(f"  {figures}")
    return figures, after


class Oms:
    """`oms migrate --until forever` between two servers."""

    def __init__(self, source, target):
        self.dir = os.path.join(bench.WORK, "run")
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)
        environment = os.environ | {"OMS_KEY_FILE": f"{self.dir}/key", "OMS_SOURCE_PASSWORD": "", "OMS_TARGET_PASSWORD": ""}
        self.process = subprocess.Popen(
            [os.environ["OMS_BIN"], "migrate", "--source", source.root, "--target", target.root, "--include", "lat.*",
             "--rm", f"{self.dir}/rm.db", "--data-dir", f"{self.dir}/data", "--log-file", f"{self.dir}/log",
             "--until", "forever", "--output", "json"],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self):
        """Ends it."""
        self.process.terminate()
        self.process.wait(30)


def follows(source, target):
    """Waits until what is written at the source comes to the target."""
    def arrived():
        try:
            return target.sql("SELECT COUNT(*) FROM lat.t WHERE id = -1") == ["1"]
        except RuntimeError:
            return False
    bench.wait_until("the first rows at the target", lambda: bool(_try(target)), 120, 0.1)
    source.sql("INSERT INTO lat.t VALUES (-1, 0)")
    bench.wait_until("the target to follow", arrived, 120, 0.05)


def _try(target):
    try:
        return target.sql("SELECT id FROM lat.t")
    except RuntimeError:
        return None


def resting(process, seconds=10):
    """CPU share and memory of a process that has nothing to do."""
    def ticks():
        with open(f"/proc/{process}/stat", encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])
    before = ticks()
    time.sleep(seconds)
    with open(f"/proc/{process}/status", encoding="utf-8") as file:
        memory = [int(line.split()[1]) for line in file if line.startswith("VmRSS")][0]
    return (ticks() - before) / 100 / seconds * 100, memory / 1024


def measure(runs):
    """All figures."""
    kept = {}
    idle = None
    for way in ("replica", "mariadb", "oceanbase"):
        source = bench.Server("mysql", "source")
        source.sql(TABLE)
        kind = "mysql" if way == "replica" else way
        target = bench.Server(kind, "target", *(("log_disk_size=8G",) if kind == "oceanbase" else ()))
        oms = None
        if way == "replica":
            target.sql(f"CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT={source.port}, "
                       "SOURCE_USER='root', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1; START REPLICA")
        else:
            oms = Oms(source, target)
        follows(source, target)
        after = 0
        for rate in (50, 500):
            for _ in range(runs):
                figures, after = times(source, target, rate, after)
                kept.setdefault((way, rate), []).append(figures)
        if way == "mariadb":
            idle = resting(oms.process.pid)
        if oms:
            oms.stop()
        source.stop()
        target.stop()
    out = []
    for way in ("mariadb", "oceanbase"):
        for rate in (50, 500):
            for part in ("p50_ms", "p99_ms"):
                ours = [one[part] for one in kept[way, rate]]
                beside = [one[part] for one in kept["replica", rate]]
                one = bench.figure(f"commit to visible, MySQL → {way}, {rate}/s, {part[:3]}; MySQL's replica",
                                   ours, beside, 0.67, unit="ms")
                if (way, rate) == ("mariadb", 50):
                    limit = {"p50_ms": 3.0, "p99_ms": 10.0}[part]
                    one |= {"goal": f"≤ {limit:g} ms", "met": one["ours"] <= limit}
                out.append(one)
    share, memory = idle
    out.append(bench.figure("following an idle source, share of a core", [share], [], unit="%") | {"goal": "≤ 1 %", "met": share <= 1})
    out.append(bench.figure("following an idle source, memory", [memory], [], unit="MB") | {"goal": "≤ 64 MB", "met": memory <= 64})
    return out
