#!/usr/bin/env python3
"""Compares a database on two servers row by row, with nothing of oms: every cell as text, through the client.

    compare.py SCHEMA SOURCE_PORT TARGET_PORT

Both servers listen on 127.0.0.1 and let root in without a password. Tables are compared as bags of rows, so that one
without a key is compared as well. Exit code: 0 equal, 1 different.
"""

import collections
import json
import subprocess
import sys

BYTES = {"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "bit"}
TEXT = {"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "json"}
REAL = {"float", "double"}


def ask(port, sql):
    """Runs SQL; the rows, each a list of cells."""
    client = ["mariadb", "--no-defaults", "-h127.0.0.1", f"-P{port}", "-uroot", "--default-character-set=utf8mb4",
              "-N", "-B", "--quick", "-e", f"SET SESSION time_zone = '+00:00'; {sql}"]
    done = subprocess.run(client, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"compare: port {port}: {done.stderr.strip()}")
    return [line.split("\t") for line in done.stdout.splitlines()]


def tables(port, schema):
    """The tables with their columns and types, by name."""
    found = ask(port, "SELECT c.table_name, c.column_name, c.data_type FROM information_schema.columns c "
                      "JOIN information_schema.tables t ON t.table_schema = c.table_schema "
                      "AND t.table_name = c.table_name AND t.table_type = 'BASE TABLE' "
                      f"WHERE c.table_schema = '{schema}' ORDER BY c.table_name, c.ordinal_position")
    named = collections.defaultdict(dict)
    for table, column, kind in found:
        named[table][column] = kind.lower()
    return named


def cell(column, kind):
    """A cell in characters that need no escape; NULL is a word that no other value is."""
    name = f"`{column}`"
    text = f"HEX({name})" if kind in BYTES else f"HEX(CAST({name} AS CHAR))" if kind in TEXT else f"CAST({name} AS CHAR)"
    return f"COALESCE({text}, 'NULL')"


def plain(value, kind):
    """What two servers may write differently, in one way."""
    if value == "NULL":
        return value
    if kind in REAL:
        return repr(float(value))
    if kind == "json":
        return json.dumps(json.loads(bytes.fromhex(value)), sort_keys=True)
    return value


def rows(port, schema, table, columns):
    """How often each row is there."""
    kinds = list(columns.values())
    cells = ", ".join(cell(column, kind) for column, kind in columns.items())
    counts = collections.Counter()
    for row in ask(port, f"SELECT {cells} FROM `{schema}`.`{table}`"):
        counts[tuple(plain(value, kind) for value, kind in zip(row, kinds))] += 1
    return counts


def main():
    """The command."""
    schema, source, target = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    here, there = tables(source, schema), tables(target, schema)
    total, different = [0, 0], 0
    if set(here) != set(there):
        sys.exit(f"compare: not the same tables: {sorted(set(here) ^ set(there))}")
    for table, columns in sorted(here.items()):
        if list(columns) != list(there[table]):
            sys.exit(f"compare: {table} has other columns: {list(columns)} and {list(there[table])}")
        one, other = rows(source, schema, table, columns), rows(target, schema, table, columns)
        only = [sum((one - other).values()), sum((other - one).values())]
        total = [total[0] + sum(one.values()), total[1] + sum(other.values())]
        different += sum(only)
        if any(only):
            print(f"{table}: {only[0]} rows only at the source, {only[1]} only at the target")
    print(f"{len(here)} tables, {total[0]:,} rows at the source, {total[1]:,} at the target, {different} differences")
    sys.exit(1 if different else 0)


main()
