#!/usr/bin/env bash
# Measures oms side by side with other tools, in one run, on a bare Debian 12 machine.
#
#   benches/run.sh full [--rows N] [--tables N] [--runs N] [--targets "mariadb oceanbase"]
#                        [--tools "oms dump mydumper"] [--no-docs]
#
#   full           the full copy: MySQL 9.7 with sysbench tables (default 4 x 500000) to MariaDB and to
#                  OceanBase, by `oms migrate`, `mariadb-dump | mariadb` and mydumper with myloader; the
#                  medians (default of 3 runs) go to standard output and into docs/performance.md
#   --no-docs      leaves docs/performance.md as it is
#
# Environment: OMS_BIN is an oms that is built already (default: builds the release). OMS_CACHE (default
# ~/.cache/oms) holds servers, data, and the build unless CARGO_TARGET_DIR is set.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=deploy/lib/servers.sh
. "$root/deploy/lib/servers.sh"

usage() {
  sed -n '2,14s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
  exit 2
}

number() {
  case ${2:-} in
    '' | *[!0-9]* | 0) oms_say "benches/run.sh: $1 needs a number" && exit 2 ;;
    *) printf '%s\n' "$2" ;;
  esac
}

[ "${1:-}" = full ] || usage
shift
rows=500000 tables=4 runs=3 targets="mariadb oceanbase" tools="oms dump mydumper" docs=yes
while [ $# -gt 0 ]; do
  case $1 in
    --rows) rows=$(number "$@") && shift 2 ;;
    --tables) tables=$(number "$@") && shift 2 ;;
    --runs) runs=$(number "$@") && shift 2 ;;
    --targets) targets=${2:?--targets needs names} && shift 2 ;;
    --tools) tools=${2:?--tools needs names} && shift 2 ;;
    --no-docs) docs='' && shift ;;
    *) usage ;;
  esac
done

# shellcheck source=benches/full.sh
. "$root/benches/full.sh"
bench_full
