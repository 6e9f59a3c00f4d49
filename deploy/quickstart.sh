#!/usr/bin/env bash
# Shows the main job on a bare Debian 12 machine with a Rust toolchain: moves a live MySQL shop of 17
# tables and 340,000 rows into OceanBase while an application goes on writing to it, and proves that
# both sides are equal. With --switch the application moves too: it writes at OceanBase then, the changes are carried
# back, and both sides are compared once more.
#
#   deploy/quickstart.sh [--switch] [--keep] [--seconds N] [--rate N]
#
#   --switch      goes on to the switch, with `oms server` and commands instead of `oms migrate`
#   --keep        leaves both servers running, and the node
#   --seconds N   lets the application write on for N seconds after the migration has caught up, and at the target
#                 after the switch (default 5)
#   --rate N      the application's transactions a second (default 200)
#
# Everything stands in $OMS_CACHE/quickstart (default ~/.cache/oms/quickstart); a second run begins anew.
# OMS_TARGET_KIND=mariadb or mysql takes another target. OMS_BIN and OMS_WORKLOAD are programs that are built already
# (default: builds the release and its example `shop_workload`).
# Exit code: that of `oms migrate`: 0 equal, 1 differences, 2 bad input, 3 failed step, 130 interrupted.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=deploy/lib/servers.sh
. "$root/deploy/lib/servers.sh"
# shellcheck source=deploy/lib/quickstart_switch.sh
. "$root/deploy/lib/quickstart_switch.sh"

keep='' switch='' seconds=5 rate=200
while [ $# -gt 0 ]; do
  case $1 in
    --keep) keep=yes && shift ;;
    --switch) switch=yes && shift ;;
    --seconds | --rate)
      case ${2:-} in
        '' | *[!0-9]*) oms_say "quickstart: $1 needs a number" && exit 2 ;;
      esac
      if [ "$1" = --rate ]; then rate=$2; else seconds=$2; fi
      shift 2
      ;;
    -h | --help) sed -n '2,19s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) oms_say "quickstart: unknown argument '$1' (see --help)" && exit 2 ;;
  esac
done

# changes at an OceanBase target cannot be carried back yet
default_target=oceanbase
[ -z "$switch" ] || default_target=mariadb
target_kind=${OMS_TARGET_KIND:-$default_target}
case $target_kind in
  oceanbase) names='OceanBase seekdb' ;;
  mariadb) names=MariaDB ;;
  mysql) names=MySQL ;;
  *) oms_say "quickstart: OMS_TARGET_KIND is oceanbase, mariadb or mysql, not '$target_kind'" && exit 2 ;;
esac

say() { printf '\n== %s\n' "$*" >&2; }

work=$OMS_CACHE/quickstart
mkdir -p "$work"
exec 8>"$OMS_CACHE/lock.quickstart"
flock -n 8 || { oms_say "quickstart: another one is running" && exit 2; }

workload=''
# The application writes to the server on this port.
start_workload() {
  "$OMS_WORKLOAD" --url "mysql://root@127.0.0.1:$1" --rate "$rate" >"$work/workload.txt" 2>"$work/workload.log" 8>&- &
  workload=$!
}

application_lives() {
  kill -0 "$workload" || { oms_say "quickstart: the application ended early:" && cat "$work/workload.log" >&2 && exit 3; }
}

stop_workload() {
  [ -n "$workload" ] || return 0
  kill -TERM "$workload" 2>/dev/null || true
  wait "$workload" 2>/dev/null || true
  workload=''
}

# shellcheck disable=SC2317 # called by the trap
end() {
  local status=$?
  trap - EXIT INT TERM
  stop_workload
  if [ -n "$keep" ] && [ -n "${target_port:-}" ] && [ -f "$work/target/server.process" ]; then
    oms_say "
still running: source mysql://root@127.0.0.1:$source_port, target mysql://root@127.0.0.1:$target_port
stop them:     deploy/servers.sh stop --dir $work/source; deploy/servers.sh stop --dir $work/target"
    [ -z "$node" ] || oms_say "               the node: kill $node (OMS_API_URL=$OMS_API_URL OMS_API_USER=admin, password in $work/password)"
  else
    stop_node
    server_stop "$work/source" 10
    server_stop "$work/target" 2
    rm -rf "$work/source" "$work/target"
  fi
  exit "$status"
}
trap end EXIT
trap 'exit 130' INT TERM

# ---------------------------------------------------------------------------------------------
say "installing what is missing (into $OMS_CACHE, and from Debian: a C compiler, the MariaDB client)"
if ! command -v cargo >/dev/null && [ -f "$HOME/.cargo/env" ]; then
  # shellcheck source=/dev/null
  . "$HOME/.cargo/env"
fi
command -v cargo >/dev/null || { oms_say "quickstart: no cargo: install a Rust toolchain first (rustup, stable)" && exit 2; }
command -v cc >/dev/null || install_tools build-essential pkg-config
source_kind=mysql
if ! install_mysql; then
  oms_say "MySQL cannot be had here: the source is Debian's MariaDB instead"
  source_kind=mariadb
  install_mariadb
fi
server_install "$target_kind"
[ -z "$switch" ] || command -v python3 >/dev/null || install_tools python3

if [ -z "${OMS_BIN:-}" ] || [ -z "${OMS_WORKLOAD:-}" ]; then
  say "building oms (a few minutes the first time)"
  export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$OMS_CACHE/target}"
  (cd "$root" && cargo build --release --bin oms --example shop_workload)
fi
oms=${OMS_BIN:-$CARGO_TARGET_DIR/release/oms}
OMS_WORKLOAD=${OMS_WORKLOAD:-$CARGO_TARGET_DIR/release/examples/shop_workload}

say "starting the source ($source_kind $(server_version $source_kind)) and the target ($names $(server_version "$target_kind"))"
server_stop "$work/source" 10
server_stop "$work/target" 2
rm -rf "$work"
mkdir -p "$work"
source_port=$(free_port)
server_start "$source_kind" "$work/source" "$source_port" 8>&-
target_port=$(free_port)
server_start "$target_kind" "$work/target" "$target_port" 8>&-

say "loading the shop, and starting the application: $rate transactions a second"
server_sql "$source_port" <"$root/deploy/shop/schema.sql"
server_sql "$source_port" <"$root/deploy/shop/seed.sql"
start_workload "$source_port"
export OMS_KEY_FILE=$work/oms.key

if [ -n "$switch" ]; then
  switch_circle
  exit 0
fi

# The migration; the same command line goes on after an interruption.
migrate=("$oms" migrate --source "mysql://root@127.0.0.1:$source_port" --target "mysql://root@127.0.0.1:$target_port"
  --include 'shop.*' --rm "$work/rm.db" --log-file "$work/oms.log")
export OMS_SOURCE_PASSWORD='' OMS_TARGET_PASSWORD=''

say "oms migrate --include 'shop.*', while the application writes"
"${migrate[@]}"
application_lives

say "the application writes on for $seconds s and stops; the same command goes on and verifies again"
sleep "$seconds"
stop_workload
status=0
"${migrate[@]}" || status=$?

cat <<END

The application wrote: $(cat "$work/workload.txt")
Look yourself: sqlite3 -box FILE SQL, or python3 -c 'import sqlite3,sys; print(*sqlite3.connect(sys.argv[1]).execute(sys.argv[2]),sep="\n")' FILE SQL
  FILE  $work/rm.db
  SQL   "select step_order, step_name, step_status, progress, start_time, finish_time from oms_step"
        "select task_type, task_name, task_status, retry_count from oms_task"
Or: $oms project list --rm $work/rm.db      The log: $work/oms.log
END
exit "$status"
