"""The minute in which the application moves: circles of switch, write at the new side, roll back, of a small project
under load. Measured from the word that writes have stopped until they may begin at the other side."""

import math
import subprocess
import threading
import time

import bench
from projects import Node

CIRCLES = 20
KINDS = ["mysql", "mariadb"]
ACCOUNTS = 1000
# the load's transactions a second
RATE = 100
# how long it writes at each side, seconds
WRITES = 2
# what "at a lag under a second" means, seconds
LAG = 1
GOAL = 5


class Load:
    """An application that moves money between accounts, until it is stopped: then all that it said is committed."""

    def __init__(self, server):
        self.client = subprocess.Popen(server.client("-N", "-B"), stdin=subprocess.PIPE, text=True)
        self.ends, self.done = threading.Event(), 0
        self.thread = threading.Thread(target=self.write, daemon=True)
        self.thread.start()

    def write(self):
        """Writes at its rate."""
        begun = time.monotonic()
        while not self.ends.is_set():
            here, there = self.done % ACCOUNTS + 1, (self.done * 7 + 1) % ACCOUNTS + 1
            self.client.stdin.write(
                f"BEGIN; UPDATE bank.accounts SET balance = balance - 1 WHERE id = {here};"
                f"UPDATE bank.accounts SET balance = balance + 1 WHERE id = {there};"
                f"INSERT INTO bank.ledger (here, there) VALUES ({here}, {there}); COMMIT;\n")
            self.client.stdin.flush()
            self.done += 1
            self.ends.wait(max(0, begun + self.done / RATE - time.monotonic()))

    def stop(self):
        """Ends it."""
        self.ends.set()
        self.thread.join()
        self.client.stdin.close()
        if self.client.wait(60):
            raise RuntimeError(f"the load ended with {self.client.returncode}")


def fill(source):
    """The bank."""
    accounts = ",".join(f"({at}, 1000)" for at in range(1, ACCOUNTS + 1))
    source.sql("DROP DATABASE IF EXISTS bank; CREATE DATABASE bank;"
               "CREATE TABLE bank.accounts (id INT PRIMARY KEY, balance BIGINT NOT NULL);"
               "CREATE TABLE bank.ledger (id BIGINT PRIMARY KEY AUTO_INCREMENT, here INT NOT NULL, there INT NOT NULL);"
               f"INSERT INTO bank.accounts VALUES {accounts};")


def rows(server):
    """Every row, in an order that both sides have."""
    return server.sql("SELECT * FROM bank.accounts ORDER BY id; SELECT * FROM bank.ledger ORDER BY id")


class Switch:
    """The switchover of a project."""

    def __init__(self, node, project):
        self.node, self.project = node, project

    def call(self, action, **more):
        """Runs an action of it."""
        return self.node.call(action, id=self.project, **more)

    def see(self, what, condition, seconds=120):
        """Waits until it looks so; fails with what failed."""
        def seen():
            state = self.call("DescribeAppSwitch")
            if state["status"] == "FAILED":
                errors = [(sub["name"], sub["errorDetail"]) for sub in state["subSteps"] if sub["errorDetail"]]
                raise RuntimeError(f"waiting for {what}: {errors}")
            return condition(state)
        bench.wait_until(what, seen, seconds, 0.005)

    def confirmed(self, sub, what, condition):
        """Confirms a sub-step; the seconds until it looks so."""
        began = time.monotonic()
        self.call("ConfirmAppSwitch", subStep=sub)
        self.see(what, condition)
        return time.monotonic() - began


def lag(source, target):
    """How far the target is behind, seconds of the load."""
    newest = lambda side: int(side.sql("SELECT COALESCE(MAX(id), 0) FROM bank.ledger")[0])
    # the target first: what comes in between counts against us
    there = newest(target)
    return (newest(source) - there) / RATE


def equal(source, target):
    """Waits until both sides are equal, and fails where money came or went."""
    bench.wait_until("both sides to be equal", lambda: rows(source) == rows(target), 60, 0.05)
    for side in (source, target):
        if (total := side.sql("SELECT SUM(balance) FROM bank.accounts")) != [str(ACCOUNTS * 1000)]:
            raise RuntimeError(f"the accounts of the {side.kind} sum to {total}")


def circle(switch, source, target):
    """One: the seconds without writes forth, and back."""
    load = Load(source)
    time.sleep(WRITES)
    switch.call("StartAppSwitch")
    switch.see("its turn to be a person's", lambda state: state["waitsFor"] == "STOP_SOURCE_WRITES")
    bench.wait_until("a lag under a second", lambda: lag(source, target) < LAG, 60)
    load.stop()
    forth = switch.confirmed("STOP_SOURCE_WRITES", "the way back to follow",
                             lambda state: state["status"] == "FINISHED" and state["reverseStatus"] == "MONITORING")
    equal(source, target)
    load = Load(target)
    time.sleep(WRITES)
    switch.call("RollBackAppSwitch")
    switch.see("its turn to be a person's again", lambda state: state["waitsFor"] == "STOP_TARGET_WRITES")
    load.stop()
    # the application may write at the source as soon as the way forth follows
    follows = lambda state: any(sub["name"] == "START_FORWARD_SYNC" and sub["status"] == "FINISHED"
                                for sub in state["subSteps"]) or state["status"] == "INIT"
    back = switch.confirmed("STOP_TARGET_WRITES", "the way forth to follow", follows)
    switch.see("the roll-back to be done", lambda state: state["status"] == "INIT")
    equal(source, target)
    return forth, back


def project(node, sides, name):
    """A project that is ready to be switched."""
    made = node.call("CreateProject", name=name, type="MIGRATION", sourceEndpointId=sides[0], sinkEndpointId=sides[1],
                     enableStructTransfer=True, enableFullTransfer=True, enableFullVerify=True, enableIncrTransfer=True,
                     enableReverseIncrTransfer=True,
                     transferMapping={"mode": "WILDCARD", "tableAndViewWhiteList": ["bank.*"]})
    node.call("StartProject", id=made)

    def verified():
        steps = {step["name"]: step["status"] for step in node.call("DescribeProjectSteps", id=made)}
        if "FAILED" in steps.values():
            raise RuntimeError(f"not verified: {node.call('DescribeProjectSteps', id=made)}")
        return steps["FULL_VERIFIER"] == "FINISHED" and steps["INCR_TRANSFER"] == "MONITORING"
    bench.wait_until("the project to be verified", verified, 300, 0.2)
    return made


def source_of(node, name, server):
    """A data source."""
    action = "CreateOceanBaseDataSource" if server.kind == "oceanbase" else "CreateMysqlDataSource"
    return node.call(action, name=name, ip="127.0.0.1", port=server.port, username="root")


def percentile(values, percent):
    """The nearest rank: of 20, the 99th is the largest."""
    return sorted(values)[math.ceil(percent / 100 * len(values)) - 1]


def pair(kind, circles):
    """The figures between MySQL and one kind of target."""
    source, target = bench.Server("mysql", "source"), bench.Server(kind, "target")
    node = None
    try:
        fill(source)
        node = Node()
        sides = [source_of(node, "from", source), source_of(node, "to", target)]
        switch = Switch(node, project(node, sides, f"bank-{kind}"))
        both = []
        for at in range(circles):
            both.append(circle(switch, source, target))
            bench.say(f"  {kind}, circle {at + 1} of {circles}: {both[-1][0]:.2f} s forth, {both[-1][1]:.2f} s back")
    finally:
        if node:
            node.stop()
        source.stop()
        target.stop()
    names = {"mysql": "MySQL", "mariadb": "MariaDB", "oceanbase": "OceanBase"}
    forth, back = zip(*both)
    what = f"the switch, MySQL to {names[kind]}, from \"writes stopped\" until the way back follows"
    again = f"its roll-back, {names[kind]} to MySQL, from \"writes stopped\" until the way forth follows"
    worst = percentile(forth, 99)
    return [
        bench.figure(f"{what}, p50", forth, []),
        bench.figure(f"{what}, p99", [worst], [], goal=f"≤ {GOAL} s", met=worst <= GOAL),
        bench.figure(f"{again}, p50", back, []),
        bench.figure(f"{again}, p99", [percentile(back, 99)], []),
    ]


def measure(_runs, circles=CIRCLES, kinds=None):
    """All figures: every circle is a run."""
    return [one for kind in kinds or KINDS for one in pair(kind, circles)]
