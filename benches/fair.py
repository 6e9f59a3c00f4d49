"""Whether busy projects on one node share it fairly: rows of each, counted when the first of them is done.

Jain's index of n shares is 1 where all are the same, and 1/n where one has everything."""

import bench

EQUAL = 6
STEADY = {"fullTransferConfig": {"fullTransferSpeedMode": "STEADY"}}
FAST = {"fullTransferConfig": {"fullTransferSpeedMode": "FAST"}}


def jain(shares):
    """The index."""
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 0.0


class Scene:
    """A node between two new servers."""

    def __init__(self, node):
        self.source = bench.Server("mysql", "source", "--max_connections=1000")
        self.target = bench.Server("mariadb", "target", "--max_connections=1000")
        self.node = node()
        self.sides = [self.node.call("CreateMysqlDataSource", name=name, ip="127.0.0.1", port=server.port, username="root")
                      for name, server in (("from", self.source), ("to", self.target))]
        self.tables = {}

    def stop(self):
        """Ends all."""
        self.node.stop()
        self.source.stop()
        self.target.stop()

    def project(self, name, tables, rows, **more):
        """Makes the tables of a project, and the project."""
        self.tables[name] = tables
        numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i" % rows
        self.source.sql(f"SET cte_max_recursion_depth = {rows + 1}; CREATE DATABASE {name}; USE {name};" + "".join(
            f"CREATE TABLE t{table} (id INT PRIMARY KEY, v INT NOT NULL, pad CHAR(150) NOT NULL);"
            f"INSERT INTO t{table} {numbers}, 0, REPEAT('a bit of text ', 9) FROM n;" for table in range(tables)))
        options = {"enableIncrTransfer": False, "enableFullVerify": False} | more
        return self.node.call(
            "CreateProject", name=name, type="MIGRATION", sourceEndpointId=self.sides[0], sinkEndpointId=self.sides[1],
            enableStructTransfer=True, enableFullTransfer=True,
            transferMapping={"mode": "WILDCARD", "tableAndViewWhiteList": [f"{name}.*"]}, **options)

    def counted(self, names, what="COUNT(*)"):
        """What the tables of each project hold at the target, at one moment."""
        there = set(self.target.sql("SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) FROM information_schema.TABLES"))
        sums = []
        for name in names:
            tables = [f"{name}.t{table}" for table in range(self.tables[name]) if f"{name}.t{table}" in there]
            sums.append(" + ".join(f"(SELECT COALESCE({what}, 0) FROM {table})" for table in tables) or "0")
        return [int(number) for number in self.target.sql(f"SELECT {', '.join(sums)}")[0].split()]

    def status(self, project):
        """The state of a project."""
        return self.node.call("DescribeProject", id=project)["status"]

    def step(self, project, name):
        """The state of a step."""
        steps = self.node.call("DescribeProjectSteps", id=project)
        return [step["status"] for step in steps if step["name"] == name]


def copies(scene):
    """Equal copies: the rows of each when the first one is done."""
    names = [f"c{number}" for number in range(EQUAL)]
    ids = [scene.project(name, 2, 150_000, **STEADY) for name in names]
    for project in ids:
        scene.node.call("StartProject", id=project)
    bench.wait_until("a copy's end", lambda: any(scene.status(project) == "FINISHED" for project in ids), 600, 0.05)
    return scene.counted(names)


def backlogs(scene):
    """Equal backlogs: what is applied of each when the first one is done."""
    names, rows, rounds = [f"b{number}" for number in range(EQUAL)], 4000, 15
    ids = [scene.project(name, 1, rows, enableIncrTransfer=True) for name in names]
    for project in ids:
        scene.node.call("StartProject", id=project)
    for project in ids:
        bench.wait_until("a project to follow", lambda one=project: scene.step(one, "INCR_TRANSFER") == ["MONITORING"], 300, 0.1)
    for project in ids:
        scene.node.call("StopProject", id=project)
    for project in ids:
        bench.wait_until("a project to rest", lambda one=project: scene.status(one) == "SUSPEND", 120, 0.05)
    for number in range(rounds):
        scene.source.sql("".join(f"UPDATE {name}.t0 SET v = {number + 1} WHERE id % 400 = {part};"
                                 for part in range(400) for name in names))
    for project in ids:
        scene.node.call("ResumeProject", id=project)
    bench.wait_until("the first backlog's end", lambda: rows * rounds in scene.counted(names, "SUM(v)"), 600, 0.05)
    return scene.counted(names, "SUM(v)")


def late(scene):
    """A project with the default settings that comes late beside a huge fast one: rows of both while the late one is
    copied. (A steady one has smaller batches, and so less of each turn, because it wants that.)"""
    huge = scene.project("huge", 8, 300_000, **FAST)
    small = scene.project("late", 4, 60_000)
    scene.node.call("StartProject", id=huge)
    bench.wait_until("the huge one to begin", lambda: scene.counted(["huge"])[0] > 0, 120, 0.05)
    scene.node.call("StartProject", id=small)
    bench.wait_until("the late one to begin", lambda: scene.counted(["late"])[0] > 0, 300, 0.05)
    begun = scene.counted(["huge", "late"])
    bench.wait_until("the late one's end", lambda: scene.status(small) == "FINISHED", 600, 0.05)
    ended = scene.counted(["huge", "late"])
    return [after - before for before, after in zip(begun, ended)]


def measure(runs, node):
    """All figures."""
    found = {}
    for scenario in (copies, backlogs, late):
        found[scenario] = []
        for _ in range(runs):
            scene = Scene(node)
            try:
                found[scenario].append(scenario(scene))
            finally:
                scene.stop()
            bench.say(f"  {scenario.__name__}: {found[scenario][-1]}")
    figures = []
    for scenario, name in ((copies, "copies"), (backlogs, "backlogs of changes")):
        shares = found[scenario]
        figures.append(of_goal(f"{EQUAL} equal {name} at once, Jain's index when the first is done", [jain(s) for s in shares], 0.9))
        figures.append(of_goal("the same, the slowest beside the fastest", [min(s) / max(s) for s in shares], 0.5))
    parts = [small / max(huge, 1) for huge, small in found[late]]
    figures.append(of_goal("a project that comes late, its rows beside those of a huge fast one", parts, 0.5))
    return figures


def of_goal(name, values, least):
    """A figure without a unit that shall not be below this."""
    figure = bench.figure(name, values, [], unit="", less_is_better=False)
    return figure | {"goal": f"≥ {least}", "met": figure["ours"] >= least}
