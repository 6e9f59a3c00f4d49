#!/usr/bin/env bash
# Measures oms side by side with other tools, in one run, on a bare Debian 12 machine.
#
#   benches/run.sh [--json FILE] [--runs N] [--no-docs] [full | incr | latency | verify | store | decode | projects |
#                 switch …]
#
#   full       the copy: MySQL 9.7 to MariaDB and OceanBase, beside mariadb-dump | mariadb, mydumper with
#              myloader, and the target's ceiling      [--rows N] [--targets "mariadb oceanbase"]
#   incr       applying stored transactions, beside MySQL's own replica
#   latency    from a commit at the source until it is seen at the target, beside MySQL's own replica
#   verify     comparing both sides, beside CRC32 sums by hand      [--rows N]
#   store      pulling a log into a Store, and reading it again
#   decode     decoding a binlog on one core
#   projects   100 projects with 1,000 tables on one node: memory, CPU at rest, start; and how fairly busy
#              projects share a node
#   switch     from "writes stopped" until the way back follows, and the roll-back, 20 times over a small
#              project under load      [--circles N] [--targets "mysql mariadb oceanbase"]
#
# Without a name all are measured. Medians of three runs (--runs) go to standard output as a table, into
# FILE as a list of {name, ours, beside, ratio, goal, met}, and into docs/performance.md unless --no-docs.
#
# Environment: OMS_BIN and OMS_COMPONENTS are programs that are built already (default: builds the
# release and its example `components`). OMS_CACHE (default ~/.cache/oms) holds servers, data, and the
# build unless CARGO_TARGET_DIR is set.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=deploy/lib/servers.sh
. "$root/deploy/lib/servers.sh"

for argument in "$@"; do
  case $argument in
    -h | --help) sed -n '2,24s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit 0 ;;
    -* | full | incr | latency | verify | store | decode | projects | switch | [0-9]* | *.json | *mysql* | *mariadb* | *oceanbase*) ;;
    *) oms_say "benches/run.sh: '$argument' is not known" && sed -n '2,24s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2 && exit 2 ;;
  esac
done

install_mysql
for kind in mariadb oceanbase; do server_install "$kind"; done
install_client
install_tools sysbench mydumper python3
export OMS_CACHE PYTHONDONTWRITEBYTECODE=1
if [ -z "${OMS_BIN:-}" ] || [ -z "${OMS_COMPONENTS:-}" ]; then
  export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$OMS_CACHE/target}"
  oms_say "building oms (release) into $CARGO_TARGET_DIR"
  (cd "$root" && cargo build --quiet --release --bin oms --example components)
  export OMS_BIN=${OMS_BIN:-$CARGO_TARGET_DIR/release/oms}
  export OMS_COMPONENTS=${OMS_COMPONENTS:-$CARGO_TARGET_DIR/release/examples/components}
fi
exec python3 "$root/benches/main.py" "$@"
