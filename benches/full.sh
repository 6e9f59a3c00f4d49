# shellcheck shell=bash
# The full copy, side by side. benches/run.sh sources this and sets: root rows tables runs targets
# tools docs.
#
# Every measurement gets a target that was just made, so none inherits another's caches or garbage, and
# the order of the tools rotates from run to run. A run counts only when all rows are at the target.

bench_install() {
  install_mysql
  for target in $targets; do server_install "$target"; done
  install_client
  install_tools sysbench mydumper time python3
  if [ -z "${OMS_BIN:-}" ] && [[ " $tools " == *" oms "* ]]; then
    export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$OMS_CACHE/target}"
    oms_say "building oms (release) into $CARGO_TARGET_DIR"
    (cd "$root" && cargo build --quiet --release --bin oms)
    OMS_BIN=$CARGO_TARGET_DIR/release/oms
  fi
}

bench_end() {
  local status=$?
  trap - EXIT INT TERM
  server_stop "$work/target" 0
  server_stop "$work/source" 0
  rm -rf "$work/source" "$work/target" "$work/run"
  exit "$status"
}

# The tables are utf8mb4_general_ci: a dump of MySQL's own default, utf8mb4_0900_ai_ci, is refused by
# MariaDB at the first table. oms converts it; the other tools do not.
bench_source() {
  source_port=$(free_port)
  server_start mysql "$work/source" "$source_port" --innodb-buffer-pool-size=1G 8>&-
  server_sql "$source_port" 'CREATE DATABASE sbtest CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci'
  oms_say "making $tables tables of $rows rows"
  oms_quietly sysbench oltp_read_write --db-driver=mysql --mysql-host=127.0.0.1 --mysql-port="$source_port" \
    --mysql-user=root --mysql-db=sbtest --tables="$tables" --table-size="$rows" --threads=2 prepare
}

bench_target() {
  server_stop "$work/target" 0
  rm -rf "$work/target" "$work/run"
  mkdir -p "$work/run"
  target_port=$(free_port)
  case $1 in
    oceanbase) server_start oceanbase "$work/target" "$target_port" log_disk_size=8G 8>&- ;;
    *) server_start "$1" "$work/target" "$target_port" --skip-log-bin --innodb-buffer-pool-size=1G 8>&- ;;
  esac
}

# ---------------------------------------------------------------------------------------------
# The tools. Each is a function that ends when all is at the target.

bench_oms() {
  OMS_KEY_FILE=$work/run/oms.key OMS_SOURCE_PASSWORD='' OMS_TARGET_PASSWORD='' \
    command time --format '%M' --output "$work/run/memory" \
    "$OMS_BIN" migrate --source "mysql://root@127.0.0.1:$source_port" --target "mysql://root@127.0.0.1:$target_port" \
    --include 'sbtest.*' --rm "$work/run/rm.db" --data-dir "$work/run/data" --log-file "$work/run/oms.log" \
    --output json >"$work/run/result.json"
}

# Both clients are Debian's; MySQL's caching_sha2_password lets them in because root has no password
# here (with one, they need TLS).
bench_dump() {
  mariadb-dump --no-defaults -h127.0.0.1 -P"$source_port" -uroot --single-transaction --databases sbtest |
    mariadb --no-defaults -h127.0.0.1 -P"$target_port" -uroot
}

bench_mydumper() {
  mydumper -h 127.0.0.1 -P "$source_port" -u root -B sbtest -t 4 -F 64 -o "$work/run/dump" &&
    myloader -h 127.0.0.1 -P "$target_port" -u root -B sbtest -t 4 -d "$work/run/dump"
}

# Fails unless every row is at the target.
bench_check() {
  local table found
  for table in $(seq "$tables"); do
    found=$(server_sql "$target_port" "SELECT COUNT(*) FROM sbtest.sbtest$table")
    [ "$found" = "$rows" ] || oms_fail "$1: sbtest$table has $found rows at the target, not $rows" || return 1
  done
}

# One measurement: TARGET RUN TOOL. Adds a line of JSON to $results.
bench_one() {
  local target=$1 run=$2 tool=$3 start end log=$work/$3.log
  bench_target "$target"
  start=$EPOCHREALTIME
  if ! "bench_$tool" >"$log" 2>&1; then
    tail -n 25 "$log" >&2
    [ ! -f "$work/run/result.json" ] || tail -c 2000 "$work/run/result.json" >&2
    oms_fail "$tool to $target failed (whole output: $log)"
    return 1
  fi
  end=$EPOCHREALTIME
  bench_check "$tool" || return 1
  python3 "$root/benches/report.py" add "$results" "$target" "$run" "$tool" "$start" "$end" "$work/run"
  tail -n 1 "$results" >&2
}

bench_full() {
  local target run turn rotating
  read -r -a rotating <<<"$tools"
  work=$OMS_CACHE/bench
  results=$work/full.jsonl
  mkdir -p "$work"
  exec 8>"$work/lock"
  flock -n 8 || { oms_say "benches/run.sh: another one is running" && exit 1; }
  bench_install
  trap bench_end EXIT
  trap 'exit 130' INT TERM
  server_stop "$work/source" 0
  rm -rf "$work/source" "$results"
  bench_source
  for run in $(seq "$runs"); do
    for target in $targets; do
      for turn in "${!rotating[@]}"; do
        bench_one "$target" "$run" "${rotating[(run + turn) % ${#rotating[@]}]}"
      done
    done
  done
  versions=$(for kind in mysql $targets; do printf '%s %s\n' "$kind" "$(server_version "$kind")"; done | sort -u)
  versions+=$'\n'$(dpkg-query -W -f='${Package} ${Version}\n' mariadb-client mydumper)
  python3 "$root/benches/report.py" full "$results" "$rows" "$tables" "$versions" ${docs:+"$root/docs/performance.md"}
}
