#!/usr/bin/env bash
# Installs, starts and stops the real database servers that tests, the quickstart and the benches use.
#
#   deploy/servers.sh install [mysql mariadb oceanbase postgresql | sysbench …]   default: the four servers
#   deploy/servers.sh install schemathesis          prints the folder for PYTHONPATH
#   deploy/servers.sh install mariadb-plugins       prints the folder for --plugin-dir
#   deploy/servers.sh paths [--json]                where they are: shell variables, or JSON
#   deploy/servers.sh run   KIND --dir D --port P [-- ARG…]    in the foreground
#   deploy/servers.sh start KIND --dir D [--port P] [-- ARG…]  in the background; prints the URL
#   deploy/servers.sh stop  --dir D
#   deploy/servers.sh free-port
#
# KIND: mysql, mariadb, oceanbase, postgresql. An ARG is an option of that server (--skip-log-bin), or
# name=value for oceanbase and postgresql. The cache is $OMS_CACHE (default ~/.cache/oms).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/lib/servers.sh
. "$here/lib/servers.sh"

usage() {
  sed -n '4,14s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
  exit 2
}

# Reads [KIND] --dir D --port P [-- ARG…] into variables.
parse() {
  kind='' dir='' port='' extra=()
  while [ $# -gt 0 ]; do
    case $1 in
      --dir) dir=${2:?--dir needs a folder} && shift 2 ;;
      --port) port=${2:?--port needs a number} && shift 2 ;;
      --) shift && extra=("$@") && break ;;
      mysql | mariadb | oceanbase | postgresql) kind=$1 && shift ;;
      seekdb) kind=oceanbase && shift ;;
      *) oms_say "servers: unknown argument '$1'" && usage ;;
    esac
  done
  [ -n "$dir" ] || { oms_say "servers: --dir is missing" && usage; }
}

escaped() { printf '%s' "$1" | sed 's/[\\"]/\\&/g'; }

paths() {
  local kind json='' program version
  for kind in mysql mariadb oceanbase postgresql; do
    case $kind in
      mysql) program=$OMS_CACHE/mysql/usr/sbin/mysqld ;;
      mariadb) program=$(mariadb_program) ;;
      oceanbase) program=$OMS_CACHE/seekdb/seekdb ;;
      postgresql) program=$(postgresql_bin || true)/postgres ;;
    esac
    [ -x "$program" ] || continue
    version=$(server_version "$kind")
    if [ "${1:-}" = --json ]; then
      json+="${json:+,}\"$kind\":{\"program\":\"$(escaped "$program")\",\"version\":\"$version\"}"
    else
      printf '%s_PROGRAM=%q\n%s_VERSION=%q\n' "${kind^^}" "$program" "${kind^^}" "$version"
    fi
  done
  if [ "${1:-}" = --json ]; then
    printf '{"cache":"%s",%s%s"user":"%s","password":"%s"}\n' "$(escaped "$OMS_CACHE")" \
      "$json" "${json:+,}" "$(escaped "$OMS_DB_USER")" "$(escaped "$OMS_DB_PASSWORD")"
  else
    printf 'OMS_CACHE=%q\nOMS_DB_USER=%q\nOMS_DB_PASSWORD=%q\n' "$OMS_CACHE" "$OMS_DB_USER" "$OMS_DB_PASSWORD"
  fi
}

[ $# -gt 0 ] || usage
action=$1
shift
case $action in
  install)
    [ $# -gt 0 ] || set -- mysql mariadb oceanbase postgresql
    for name in "$@"; do
      case $name in
        mysql | mariadb | oceanbase | seekdb | postgresql) server_install "$name" ;;
        schemathesis) install_schemathesis ;;
        mariadb-plugins) install_mariadb_plugins ;;
        *) install_tools "$name" ;;
      esac
    done
    ;;
  paths) paths "$@" ;;
  run)
    parse "$@"
    if [ -z "$kind" ] || [ -z "$port" ]; then usage; fi
    server_run "$kind" "$dir" "$port" ${extra[@]+"${extra[@]}"}
    ;;
  start)
    parse "$@"
    [ -n "$kind" ] || usage
    [ -n "$port" ] || port=$(free_port)
    server_install "$kind"
    server_start "$kind" "$dir" "$port" ${extra[@]+"${extra[@]}"}
    case $kind in
      postgresql) printf 'postgresql://root@127.0.0.1:%s\n' "$port" ;;
      *) printf 'mysql://root@127.0.0.1:%s\n' "$port" ;;
    esac
    ;;
  stop)
    parse "$@"
    server_stop "$dir"
    ;;
  free-port) free_port ;;
  *) usage ;;
esac
