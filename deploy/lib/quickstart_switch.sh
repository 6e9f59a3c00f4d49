# shellcheck shell=bash disable=SC2154
# The part of deploy/quickstart.sh that goes on to the switch: `oms server` with a project made by commands, the
# application moved to the target, written to there, followed back, and both sides compared. Sourced by it, with its
# variables: oms, work, source_port, target_port, names, seconds, rate.

node=''

stop_node() {
  [ -n "$node" ] || return 0
  kill -TERM "$node" 2>/dev/null || true
  wait "$node" 2>/dev/null || true
  node=''
}

# Starts the node on a free port of this host, and changes the first password.
start_node() {
  local tries=0 first
  OMS_LISTEN=127.0.0.1:0 OMS_RM=$work/rm.db OMS_DATA_DIR=$work/data \
    "$oms" server --log-file "$work/oms.log" >"$work/node.out" 2>&1 8>&- &
  node=$!
  until grep -q 'listening on' "$work/node.out"; do
    tries=$((tries + 1))
    if [ "$tries" -gt 300 ] || ! kill -0 "$node" 2>/dev/null; then
      oms_say "quickstart: the node does not listen:"
      cat "$work/node.out" >&2
      exit 3
    fi
    sleep 0.1
  done
  OMS_API_URL=$(sed -n 's/.*listening on //p' "$work/node.out")
  first=$(sed -n 's/.*password \(.*\): change it.*/\1/p' "$work/node.out")
  export OMS_API_URL OMS_API_USER=admin OMS_API_PASSWORD=$first
  (umask 077 && printf 'Quick-Start_%s\n' "$RANDOM$RANDOM" >"$work/password")
  "$oms" user passwd --new-password-file "$work/password" >&2
  OMS_API_PASSWORD=$(cat "$work/password")
}

# Makes the two data sources and the project.
make_project() {
  (umask 077 && printf '%s\n' "$OMS_DB_PASSWORD" >"$work/db-password")
  local scheme=mysql
  [ "$target_kind" != oceanbase ] || scheme=oceanbase
  "$oms" datasource create from "mysql://$OMS_DB_USER@127.0.0.1:$source_port" --password-file "$work/db-password" >&2
  "$oms" datasource create to "$scheme://$OMS_DB_USER@127.0.0.1:$target_port" --password-file "$work/db-password" >&2
  "$oms" project create -f - <<'END' >&2
name: shop
type: MIGRATION
sourceEndpointId: from
sinkEndpointId: to
transferMapping: {mode: WILDCARD, tableAndViewWhiteList: ['shop.*']}
enableStructTransfer: true
enableFullTransfer: true
enableFullVerify: true
enableIncrTransfer: true
enableReverseIncrTransfer: true
END
}

# Compares row by row with nothing of oms; waits for what is still being carried.
compare_sides() {
  local tries=0
  until said=$("$root/deploy/shop/compare.py" shop "$source_port" "$target_port"); do
    tries=$((tries + 1))
    if [ "$tries" -ge 60 ]; then
      oms_say "$said"
      return 1
    fi
    sleep 1
  done
}

# oms's own full verification once more; what it found goes to `said`.
verify_again() {
  local verifier status tries=0
  verifier=$("$oms" project components shop --output json |
    python3 -c 'import json,sys; print(json.load(sys.stdin)["fullVerifyComponents"][-1]["name"])')
  "$oms" component rerun "$verifier" --wait >&2 || return 1
  while :; do
    status=$("$oms" project steps shop --output json |
      python3 -c 'import json,sys; print(*(s["status"] for s in json.load(sys.stdin) if s["name"] == "FULL_VERIFIER"))')
    case $status in
      FINISHED) break ;;
      FAILED) return 1 ;;
    esac
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || return 1
    sleep 1
  done
  said=$("$oms" project verify-result shop --output json | python3 -c '
import json, sys
found = json.load(sys.stdin)
tables = found["fullVerifyTableStatistics"]
open_ones = [t["sourceTableName"] for t in tables if t["resultType"] not in ("CONSISTENT", "BOTH_EMPTY")]
equal, different = sum(t["consistentCount"] for t in tables), found["differentNumber"]
print(f"{len(tables)} tables, {equal:,} rows equal, {different} differences")
sys.exit(1 if different or open_ones else 0)')
}

# Loads that ended: what each wrote.
wrote() { sed 's/^/  /' "$work/$1"; }

switch_circle() {
  local said moved carried status=0
  say "oms server, with the project made by commands: schema, copy, Incr-Sync and verification, while the application writes"
  start_node
  make_project
  "$oms" project start shop --wait --timeout 1800
  application_lives

  say "oms project switch --rehearse: every check and every statement, nothing changed"
  "$oms" project switch shop --rehearse

  say "oms project switch: the application still writes at the source; it stops when its word is waited for"
  "$oms" project switch shop --timeout 300 || status=$?
  [ "$status" = 4 ] || exit "$((status == 0 ? 3 : status))"
  sleep "$seconds"
  application_lives
  stop_workload
  mv "$work/workload.txt" "$work/source.txt"
  "$oms" project switch shop --confirm all --timeout 300
  compare_sides || return 1
  moved=$said

  say "the application writes at the target for $seconds s, and the source follows"
  start_workload "$target_port"
  sleep "$seconds"
  application_lives
  stop_workload
  mv "$work/workload.txt" "$work/target.txt"
  compare_sides || return 1
  carried=$said
  verify_again || { oms_say "quickstart: oms's own verification: $said" && return 1; }

  cat <<END

The application wrote at the source:
$(wrote source.txt)
Then it moved, and wrote at the target:
$(wrote target.txt)
Compared row by row with nothing of oms (deploy/shop/compare.py):
  when it moved:                         $moved
  after it wrote at the target:          $carried
Compared by oms (oms project verify-result shop):
  after it wrote at the target:          $said

The roll-back would be: oms project switch shop --rollback --confirm all
Look yourself: $oms project list --rm $work/rm.db      The log: $work/oms.log
END
}
