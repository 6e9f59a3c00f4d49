"""Many projects on one node: 100 projects of 10 tables each, how long they take to follow their source, what the
node takes while they do nothing, how long it takes to start again with all of them, and how fairly busy ones share."""

import base64
import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request

import bench
import fair
from latency import resting

PROJECTS = 100
TABLES = 10
ROWS = 100
PASSWORD = "Measuring-12-Projects"


class Node:
    """`oms server` with an rm database of its own."""

    def __init__(self, fresh=True):
        self.dir = os.path.join(bench.WORK, "node")
        if fresh:
            shutil.rmtree(self.dir, ignore_errors=True)
            os.makedirs(self.dir)
        self.account = ("admin", PASSWORD)
        self.began = time.monotonic()
        out = os.path.join(self.dir, "out")
        environment = os.environ | {
            "OMS_LISTEN": "127.0.0.1:0", "OMS_RM": f"{self.dir}/rm.db", "OMS_DATA_DIR": f"{self.dir}/data",
            "OMS_KEY_FILE": f"{self.dir}/key"}
        with open(out, "w", encoding="utf-8") as file:
            self.process = subprocess.Popen([os.environ["OMS_BIN"], "server", "--log-file", f"{self.dir}/log"],
                                            env=environment, stdout=file)
        said = lambda: open(out, encoding="utf-8").read()
        bench.wait_until("the node to listen", lambda: "listening on" in said(), 60, 0.005)
        self.url = said().split("listening on ")[1].split()[0]
        if fresh:
            first = said().split("password ")[1].split(":")[0]
            self.account = ("admin", first)
            self.call("ChangePassword", oldPassword=first, newPassword=PASSWORD)
            self.account = ("admin", PASSWORD)

    def call(self, action, **body):
        """Runs an action; its data."""
        request = urllib.request.Request(f"{self.url}/api/v2?Action={action}", json.dumps(body).encode(), method="POST")
        basic = base64.b64encode(":".join(self.account).encode()).decode()
        request.add_header("Authorization", f"Basic {basic}")
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{action}: {error.read().decode()}") from error

    def stop(self):
        """Ends it as a service manager does."""
        self.process.terminate()
        self.process.wait(30)

    def memory(self):
        """Resident memory, MB."""
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as file:
            return [int(line.split()[1]) for line in file if line.startswith("VmRSS")][0] / 1024


def prepare(source):
    """The databases."""
    for project in range(PROJECTS):
        tables = "".join(
            f"CREATE TABLE p{project}.t{table} (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(40), KEY (v));"
            f"INSERT INTO p{project}.t{table} (v) SELECT UUID() FROM information_schema.columns LIMIT {ROWS};"
            for table in range(TABLES))
        source.sql(f"CREATE DATABASE p{project}; {tables}")


def follows(target, value):
    """Whether a value written to every database has come to the target."""
    query = " UNION ALL ".join(f"SELECT COUNT(*) FROM p{project}.t0 WHERE v = '{value}'" for project in range(PROJECTS))
    try:
        return target.sql(query) == ["1"] * PROJECTS
    except RuntimeError:
        return False


def touch(source, value):
    """Writes a value to every database."""
    source.sql("".join(f"INSERT INTO p{project}.t0 (v) VALUES ('{value}');" for project in range(PROJECTS)))


def measure(runs):
    """All figures."""
    return many() + fair.measure(runs, Node)


def many():
    """A hundred projects; one run, because it is made of a hundred."""
    source = bench.Server("mysql", "source", "--max_connections=2000")
    target = bench.Server("mariadb", "target", "--max_connections=2000")
    bench.say(f"  making {PROJECTS * TABLES} tables")
    prepare(source)
    node = Node()
    sides = [node.call("CreateMysqlDataSource", name=name, ip="127.0.0.1", port=server.port, username="root")
             for name, server in (("from", source), ("to", target))]
    label = node.call("CreateLabel", name="all")
    for project in range(PROJECTS):
        node.call("CreateProject", name=f"p{project}", type="MIGRATION", sourceEndpointId=sides[0],
                  sinkEndpointId=sides[1], labelIds=[label], enableStructTransfer=True, enableFullTransfer=True,
                  enableFullVerify=True, enableIncrTransfer=True,
                  transferMapping={"mode": "WILDCARD", "tableAndViewWhiteList": [f"p{project}.*"]})
    began = time.monotonic()
    started = node.call("StartProjectsByLabel", id=label)
    if started["failedProjectIds"]:
        raise RuntimeError(f"not started: {started}")

    def verified():
        steps = (step for project in node.call("ListProjects", pageSize=150) for step in project["steps"])
        return sum(step["name"] == "FULL_VERIFIER" and step["status"] == "FINISHED" for step in steps) == PROJECTS
    bench.wait_until("all projects to be verified", verified, 900, 1)
    all_done = time.monotonic() - began
    busy = node.memory()
    touch(source, "one")
    bench.wait_until("all projects to follow", lambda: follows(target, "one"), 120, 0.1)
    time.sleep(5)
    share, memory = resting(node.process.pid, 30)
    node.stop()
    node = Node(fresh=False)
    listening = time.monotonic() - node.began
    touch(source, "two")
    bench.wait_until("all projects to follow again", lambda: follows(target, "two"), 300, 0.05)
    following = time.monotonic() - node.began
    node.stop()
    source.stop()
    target.stop()
    return [
        bench.figure(f"{PROJECTS} projects of {TABLES} tables, from the start until all are copied, followed and verified", [all_done], []),
        bench.figure("memory behind that", [busy], [], unit="MB"),
        bench.figure("all of them at rest, memory", [memory], [], unit="MB"),
        bench.figure("all of them at rest, share of a core", [share], [], unit="%"),
        bench.figure("start with all of them, until the API answers", [listening], []),
        bench.figure("start with all of them, until every one follows its source", [following], []),
    ]
