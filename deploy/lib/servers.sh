# shellcheck shell=bash
# Real database servers on a bare Debian 12 machine: installs them into a cache and starts them in
# folders of their own. Source this file, or call deploy/servers.sh, which wraps it.
#
# Nothing here touches a server that is already on the machine: MariaDB comes from Debian without its
# service, MySQL is unpacked from Debian's sid beside the system, OceanBase (seekdb) comes out of a
# Python wheel, PostgreSQL is unpacked beside the system unless its programs are there. Every function
# may run in several processes at once.
#
#   install_mariadb | install_mysql | install_seekdb | install_postgresql | install_tools sysbench …
#   server_run KIND DIR PORT [ARG…]     becomes the server (exec); makes its data when there is none
#   server_start KIND DIR PORT [ARG…]   starts it in the background and waits until it answers
#   server_stop DIR [SECONDS]           ends what server_start started
#
# KIND is mysql, mariadb, oceanbase or postgresql. Users on every server: root without a password, and
# OMS_DB_USER with OMS_DB_PASSWORD, both with all privileges, over TCP on 127.0.0.1.

OMS_CACHE="${OMS_CACHE:-$HOME/.cache/oms}"
OMS_DB_USER="${OMS_DB_USER:-oms}"
OMS_DB_PASSWORD="${OMS_DB_PASSWORD:-oms-secret}"
# Raise this when the way in which template data is made changes.
OMS_TEMPLATE_FORMAT=1

oms_say() { printf '%s\n' "$*" >&2; }
oms_fail() {
  oms_say "servers: $*"
  return 1
}

# Runs a command while holding a lock of that name; the command does not inherit the lock.
oms_locked() {
  local name=$1
  shift
  mkdir -p "$OMS_CACHE/lock"
  (
    flock 9 || exit 1
    "$@" 9>&-
  ) 9>"$OMS_CACHE/lock/$name"
}

# Runs a command quietly; shows the end of its output when it fails.
oms_quietly() {
  local log
  mkdir -p "$OMS_CACHE/log"
  log=$(mktemp "$OMS_CACHE/log/command.XXXXXX")
  if "$@" >"$log" 2>&1 </dev/null; then
    rm -f "$log"
    return 0
  fi
  tail -n 25 "$log" >&2
  oms_fail "this command failed: $* (whole output: $log)"
}

oms_as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    oms_fail "need root to run: $* (start again as root, or install sudo)"
  fi
}

oms_package_missing() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" != installed ]
}

_oms_apt_install() {
  local package missing=()
  for package in "$@"; do
    if oms_package_missing "$package"; then missing+=("$package"); fi
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  oms_say "installing from Debian: ${missing[*]}"
  oms_quietly oms_as_root apt-get -qq -o DPkg::Lock::Timeout=600 update || return 1
  oms_quietly oms_as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -y -o DPkg::Lock::Timeout=600 --no-install-recommends install "${missing[@]}"
}

# Installs Debian packages, unless all of them are there.
install_tools() {
  local package
  for package in "$@"; do
    if oms_package_missing "$package"; then
      oms_locked apt _oms_apt_install "$@"
      return
    fi
  done
}

# ---------------------------------------------------------------------------------------------
# MariaDB: Debian's own, without the package that holds the service.

install_mariadb() {
  install_tools mariadb-server-core mariadb-client-core mariadb-client
}

mariadb_program() { command -v mariadbd || printf '/usr/sbin/mariadbd\n'; }

# The plugins of MariaDB, which are in the package with the service: unpacked beside the system. Prints
# their folder.
install_mariadb_plugins() {
  install_mariadb >&2 || return 1
  oms_locked mariadb-plugins _oms_unpack_mariadb_plugins >&2 || return 1
  printf '%s\n' "$OMS_CACHE/mariadb-plugins/$(server_version mariadb)/usr/lib/mysql/plugin"
}

_oms_unpack_mariadb_plugins() {
  local version target work
  version=$(server_version mariadb) || return 1
  target=$OMS_CACHE/mariadb-plugins/$version
  [ ! -d "$target" ] || return 0
  oms_say "fetching MariaDB's plugins (about 4 MB)"
  work=$target.new
  rm -rf "$work"
  mkdir -p "$work" || return 1
  (
    cd "$work" || exit 1
    fetch=(apt-get -qq -o APT::Sandbox::User=root download "mariadb-server=$version")
    if ! oms_quietly "${fetch[@]}" 2>/dev/null; then
      oms_quietly oms_as_root apt-get -qq -o DPkg::Lock::Timeout=600 update && oms_quietly "${fetch[@]}"
    fi
  ) || return 1
  oms_quietly dpkg-deb -x "$work"/mariadb-server_*.deb "$work" || return 1
  rm -f "$work"/*.deb
  mv -T "$work" "$target"
}

# schemathesis, which tests a server against its OpenAPI document; prints the folder for PYTHONPATH.
install_schemathesis() {
  oms_locked schemathesis _oms_install_schemathesis >&2 || return 1
  printf '%s\n' "$OMS_CACHE/schemathesis"
}

_oms_install_schemathesis() {
  local python target=$OMS_CACHE/schemathesis
  [ ! -e "$target/.whole" ] || return 0
  oms_say "fetching schemathesis with pip (about 70 MB on disk)"
  _oms_find_pip >/dev/null || install_tools python3 python3-pip || return 1
  python=$(_oms_find_pip) || { oms_fail "no python3 with pip, and Debian's python3-pip did not help"; return 1; }
  rm -rf "$target"
  oms_quietly "$python" -m pip --disable-pip-version-check --no-input install --root-user-action ignore \
    --target "$target" 'schemathesis>=4.32,<5' || return 1
  printf '%s\n' "$python" >"$target/.whole"
}

# The client that talks to all three servers.
install_client() { install_tools mariadb-client-core mariadb-client; }

# ---------------------------------------------------------------------------------------------
# MySQL: Debian's sid, unpacked side by side and started through its own loader.

_oms_debian_mirror() {
  local uri
  # shellcheck disable=SC2016 # apt's own placeholders
  uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 2>/dev/null | grep -v -e '-security' | head -n 1)
  if [ -z "$uri" ]; then
    # shellcheck disable=SC2016
    uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Release: bookworm' 2>/dev/null | head -n 1)
  fi
  [ -n "$uri" ] || { oms_fail "apt knows no Debian mirror (look at /etc/apt/sources.list.d)"; return 1; }
  printf '%s\n' "$uri"
}

# Makes an apt of its own in a folder: a suite of Debian with an empty status, or with the status file of
# the third argument. The machine's apt stays as it is.
_oms_private_apt() {
  local apt=$1 suite=$2 status=${3:-} uri
  uri=$(_oms_debian_mirror) || return 1
  rm -rf "$apt"
  mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$apt/none" || return 1
  if [ -n "$status" ]; then cp "$status" "$apt/status"; else : >"$apt/status"; fi
  printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$uri" "$suite" >"$apt/sources.list"
  cat >"$apt/apt.conf" <<CONF || return 1
Dir::State "$apt/state";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "$apt/none";
Dir::Etc::preferences "$apt/none/preferences";
Dir::Etc::preferencesparts "$apt/none";
APT::Install-Recommends "false";
APT::Default-Release "$suite";
APT::Sandbox::User "root";
Acquire::Languages "none";
CONF
  oms_quietly env APT_CONFIG="$apt/apt.conf" apt-get -qq update
}

_oms_unpack_mysql() {
  local apt packages version target deb
  [ ! -x "$OMS_CACHE/mysql/usr/sbin/mysqld" ] || return 0
  oms_say "fetching MySQL from Debian's sid (about 60 MB)"
  apt=$OMS_CACHE/mysql-apt
  _oms_private_apt "$apt" sid || return 1
  oms_quietly env APT_CONFIG="$apt/apt.conf" apt-get -qq -y --download-only \
    -o Debug::NoLocking=1 install mysql-server-core || return 1
  packages=("$apt"/cache/archives/*.deb)
  version=$(basename "$(find "$apt/cache/archives" -name 'mysql-server-core_*.deb')")
  version=${version#mysql-server-core_}
  version=${version%_*}
  target=$OMS_CACHE/mysql-$version
  rm -rf "$target" "$target.new"
  mkdir -p "$target.new" || return 1
  for deb in "${packages[@]}"; do
    case ${deb##*/} in
      perl* | libperl*) ;;
      *) oms_quietly dpkg-deb -x "$deb" "$target.new" || return 1 ;;
    esac
  done
  printf '%s\n' "$version" >"$target.new/version"
  mv -T "$target.new" "$target" && ln -sfnT "$target" "$OMS_CACHE/mysql" && rm -rf "$apt"
}

install_mysql() {
  [ -x "$OMS_CACHE/mysql/usr/sbin/mysqld" ] || oms_locked mysql _oms_unpack_mysql || return 1
  install_client
}

# Sets `mysql_command` to what starts mysqld, with the options that its unusual place needs.
_oms_mysql_command() {
  local root libraries
  root=$(readlink -f "$OMS_CACHE/mysql") || return 1
  libraries=$root/usr/lib/$(uname -m)-linux-gnu
  mysql_command=("$(find "$libraries" -maxdepth 1 -name 'ld-linux-*.so.*' | head -n 1)"
    --library-path "$libraries" "$root/usr/sbin/mysqld" --no-defaults
    "--basedir=$root/usr" "--lc-messages-dir=$root/usr/share/mysql"
    "--character-sets-dir=$root/usr/share/mysql/charsets" "--plugin-dir=$root/usr/lib/mysql/plugin"
    --mysqlx=OFF)
}

# ---------------------------------------------------------------------------------------------
# OceanBase: the seekdb server inside the wheel of pylibseekdb.

_oms_find_pip() {
  local python
  for python in python3 /usr/bin/python3; do
    if "$python" -m pip --version >/dev/null 2>&1; then
      printf '%s\n' "$python"
      return 0
    fi
  done
  return 1
}

_oms_unpack_seekdb() {
  local python wheel target machine
  [ ! -x "$OMS_CACHE/seekdb/seekdb" ] || return 0
  machine=$(uname -m)
  mkdir -p "$OMS_CACHE/wheels" || return 1
  wheel=$(find "$OMS_CACHE/wheels" -name "pylibseekdb-1.*_$machine.whl" | sort -V | tail -n 1)
  if [ -z "$wheel" ]; then
    oms_say "fetching OceanBase seekdb with pip (about 54 MB)"
    _oms_find_pip >/dev/null || install_tools python3 python3-pip || return 1
    python=$(_oms_find_pip) || { oms_fail "no python3 with pip, and Debian's python3-pip did not help"; return 1; }
    oms_quietly "$python" -m pip --disable-pip-version-check download --no-deps --only-binary=:all: \
      --implementation cp --python-version 3.11 --abi cp311 \
      --platform "manylinux_2_28_$machine" --platform "manylinux_2_17_$machine" \
      --dest "$OMS_CACHE/wheels" 'pylibseekdb>=1.4,<2' || return 1
    wheel=$(find "$OMS_CACHE/wheels" -name "pylibseekdb-1.*_$machine.whl" | sort -V | tail -n 1)
  fi
  command -v python3 >/dev/null || install_tools python3 || return 1
  target=$OMS_CACHE/seekdb
  rm -rf "$target.new" "$target"
  mkdir -p "$target.new" || return 1
  oms_quietly python3 -m zipfile -e "$wheel" "$target.new/wheel" || return 1
  mv "$target.new/wheel/pylibseekdb/seekdb" "$target.new/wheel/pylibseekdb/"libaio* "$target.new/" || return 1
  rm -rf "$target.new/wheel"
  chmod 755 "$target.new/seekdb"
  wheel=${wheel##*/pylibseekdb-}
  printf '%s\n' "${wheel%%-*}" >"$target.new/version"
  mv -T "$target.new" "$target"
}

install_seekdb() {
  [ -x "$OMS_CACHE/seekdb/seekdb" ] || oms_locked seekdb _oms_unpack_seekdb || return 1
  install_client
}

# ---------------------------------------------------------------------------------------------
# PostgreSQL: the machine's own programs where it has them; else Debian's packages, unpacked beside the
# system, so that no service and no cluster is made.

# The folder of the programs, the newest version first.
postgresql_bin() {
  local bin
  for bin in "$OMS_CACHE/postgresql"/usr/lib/postgresql/*/bin \
    $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV); do
    if [ -x "$bin/postgres" ] && [ -x "$bin/initdb" ]; then
      printf '%s\n' "$bin"
      return 0
    fi
  done
  return 1
}

_oms_fetch_postgresql() {
  local apt=$1 suite=$2 package
  _oms_private_apt "$apt" "$suite" "$3" || return 1
  package=$(APT_CONFIG="$apt/apt.conf" apt-cache depends postgresql | sed -n 's/^ *Depends: \(postgresql-[0-9]*\)$/\1/p')
  [ -n "$package" ] || { oms_fail "Debian's $suite has no package postgresql"; return 1; }
  oms_quietly env APT_CONFIG="$apt/apt.conf" apt-get -qq -y --download-only \
    -o Debug::NoLocking=1 install "$package"
}

_oms_unpack_postgresql() {
  local apt suite target deb
  if postgresql_bin >/dev/null; then return 0; fi
  # shellcheck source=/dev/null
  suite=$(. /etc/os-release && printf '%s\n' "${VERSION_CODENAME:-bookworm}")
  oms_say "fetching PostgreSQL from Debian's $suite (about 20 MB)"
  apt=$OMS_CACHE/postgresql-apt
  # what the system has need not be fetched: it is the same suite
  if ! _oms_fetch_postgresql "$apt" "$suite" /var/lib/dpkg/status 2>/dev/null; then
    _oms_fetch_postgresql "$apt" "$suite" '' || return 1
  fi
  target=$OMS_CACHE/postgresql
  rm -rf "$target" "$target.new"
  mkdir -p "$target.new" || return 1
  for deb in "$apt"/cache/archives/*.deb; do
    case ${deb##*/} in
      libc6* | libllvm* | perl* | libperl* | postgresql-common* | postgresql-client-common* | ssl-cert*) ;;
      *) oms_quietly dpkg-deb -x "$deb" "$target.new" || return 1 ;;
    esac
  done
  mv -T "$target.new" "$target" && rm -rf "$apt"
}

install_postgresql() {
  postgresql_bin >/dev/null || oms_locked postgresql _oms_unpack_postgresql
}

# Sets `postgresql_command` to what comes before a program of PostgreSQL. Its server does not run as root:
# there it gets another user's number, and may read this cache all the same. A signal at the parent's
# death, which the change of user would forget, is asked for again.
_oms_postgresql_command() {
  local libraries signal
  libraries=$OMS_CACHE/postgresql/usr/lib/$(uname -m)-linux-gnu
  postgresql_command=(env "LD_LIBRARY_PATH=$libraries" LC_ALL=C)
  if [ "$(id -u)" = 0 ]; then
    postgresql_command+=(setpriv --reuid 65534 --regid 65534 --clear-groups
      --inh-caps +dac_override --ambient-caps +dac_override)
    signal=$(setpriv --dump | sed -n 's/^Parent death signal: //p')
    if [ -n "$signal" ] && [ "$signal" != '[none]' ]; then
      postgresql_command+=(setpriv --pdeathsig "$signal")
    fi
  fi
}

_oms_own_postgresql() { if [ "$(id -u)" = 0 ]; then chown 65534:65534 "$1"; fi; }

# ---------------------------------------------------------------------------------------------
# Data folders. Initialising MySQL or MariaDB takes seconds, copying a template a fraction of one.

server_install() {
  case $1 in
    mysql) install_mysql ;;
    mariadb) install_mariadb ;;
    oceanbase | seekdb) install_seekdb ;;
    postgresql) install_postgresql ;;
    *) oms_fail "unknown server '$1' (known: mysql, mariadb, oceanbase, postgresql)" ;;
  esac
}

server_version() {
  case $1 in
    mysql) cat "$OMS_CACHE/mysql/version" ;;
    mariadb) dpkg-query -W -f='${Version}\n' mariadb-server-core ;;
    oceanbase | seekdb) cat "$OMS_CACHE/seekdb/version" ;;
    postgresql) _oms_postgresql_version ;;
  esac
}

_oms_postgresql_version() {
  local bin postgresql_command
  bin=$(postgresql_bin) || return 1
  _oms_postgresql_command
  "${postgresql_command[@]}" "$bin/postgres" --version | awk '{ print $3 }'
}

_oms_users_sql() {
  printf '%s;\n' \
    "CREATE USER IF NOT EXISTS 'root'@'%' IDENTIFIED BY ''" \
    "GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION" \
    "CREATE USER IF NOT EXISTS '$OMS_DB_USER'@'%' IDENTIFIED BY '$OMS_DB_PASSWORD'" \
    "GRANT ALL ON *.* TO '$OMS_DB_USER'@'%' WITH GRANT OPTION"
}

_oms_run_as() { if [ "$(id -u)" = 0 ]; then printf -- '--user=root\n'; fi; }

_oms_make_template() {
  local kind=$1 target=$2 sql=$2.sql run_as mysql_command postgresql_command bin
  [ ! -d "$target" ] || return 0
  run_as=$(_oms_run_as)
  rm -rf "$target.new"
  mkdir -p "${target%/*}" || return 1
  case $kind in
    mysql)
      _oms_users_sql >"$sql"
      _oms_mysql_command || return 1
      oms_quietly "${mysql_command[@]}" ${run_as:+"$run_as"} --initialize-insecure --init-file="$sql" \
        --datadir="$target.new" --skip-log-bin --innodb-redo-log-capacity=16M || return 1
      rm -f "$target.new/auto.cnf"
      ;;
    mariadb)
      # The bootstrap runs without the grant tables until they are flushed.
      { printf 'FLUSH PRIVILEGES;\n'; _oms_users_sql; } >"$sql"
      oms_quietly mariadb-install-db --no-defaults ${run_as:+"$run_as"} --datadir="$target.new" \
        --auth-root-authentication-method=normal --skip-test-db --innodb-log-file-size=16M || return 1
      # shellcheck disable=SC2016 # expands in the inner shell
      oms_quietly bash -c '"$@" <"$0"' "$sql" "$(mariadb_program)" --no-defaults ${run_as:+"$run_as"} \
        --datadir="$target.new" --bootstrap --skip-log-bin --innodb-log-file-size=16M || return 1
      ;;
    postgresql)
      bin=$(postgresql_bin) && _oms_postgresql_command || return 1
      mkdir "$target.new" && _oms_own_postgresql "$target.new" || return 1
      oms_quietly "${postgresql_command[@]}" "$bin/initdb" -D "$target.new" -U root --auth=trust \
        -E UTF8 --locale=C --no-sync || return 1
      printf '%s\n' 'host all root 127.0.0.1/32 trust' 'host all all 127.0.0.1/32 scram-sha-256' \
        >"$target.new/pg_hba.conf"
      printf "CREATE ROLE \"%s\" SUPERUSER LOGIN PASSWORD '%s'\n" "$OMS_DB_USER" "$OMS_DB_PASSWORD" >"$sql"
      # shellcheck disable=SC2016 # expands in the inner shell
      oms_quietly bash -c '"$@" <"$0"' "$sql" "${postgresql_command[@]}" "$bin/postgres" --single \
        -D "$target.new" -c fsync=off postgres || return 1
      ;;
  esac
  rm -f "$sql"
  mv -T "$target.new" "$target"
}

# Makes a data folder DIR/data from the template, unless it is there.
server_prepare() {
  local kind=$1 dir=$2 template
  mkdir -p "$dir" || return 1
  [ "$kind" != oceanbase ] || return 0
  [ ! -d "$dir/data" ] || return 0
  template=$OMS_CACHE/template/$kind-$(server_version "$kind" | tr -c 'a-zA-Z0-9.\n' '-')-$OMS_TEMPLATE_FORMAT
  [ -d "$template" ] || oms_locked "template-$kind" _oms_make_template "$kind" "$template" || return 1
  rm -rf "$dir/data.new"
  cp -a --reflink=auto "$template" "$dir/data.new" && mv -T "$dir/data.new" "$dir/data"
}

# ---------------------------------------------------------------------------------------------
# Starting and stopping.

# Sets `server_command` to the command line of a server. Later arguments win over these, so that
# callers can say --skip-log-bin, --binlog-format=STATEMENT, --read-only and the like.
_oms_server_command() {
  local kind=$1 dir=$2 port=$3 run_as mysql_command postgresql_command bin parameters=() seen=" " argument
  shift 3
  run_as=$(_oms_run_as)
  local common=(${run_as:+"$run_as"} "--datadir=$dir/data" "--tmpdir=$dir" "--port=$port"
    --bind-address=127.0.0.1 --socket=server.sock "--pid-file=$dir/server.pid" "--server-id=$port"
    --log-bin=binlog --binlog-format=ROW --binlog-row-image=FULL --sync-binlog=0
    --innodb-flush-log-at-trx-commit=2 --innodb-buffer-pool-size=256M --secure-file-priv= --local-infile=1
    --max-allowed-packet=64M --max-connections=300 --table-open-cache=400 --table-definition-cache=400
    --skip-name-resolve --default-time-zone=+00:00 --character-set-server=utf8mb4)
  case $kind in
    mysql)
      _oms_mysql_command || return 1
      server_command=("${mysql_command[@]}" "${common[@]}" --innodb-redo-log-capacity=64M
        --gtid-mode=ON --enforce-gtid-consistency=ON "$@")
      ;;
    mariadb)
      server_command=("$(mariadb_program)" --no-defaults "${common[@]}" --innodb-log-file-size=64M "$@")
      ;;
    oceanbase)
      # The first value of a parameter is the caller's; memory_limit is accepted but unused by seekdb 1.4,
      # log_disk_size below 2G stops it at its start.
      for argument in "$@" memory_limit=1G datafile_size=256M log_disk_size=2G; do
        case $seen in *" ${argument%%=*} "*) continue ;; esac
        seen+="${argument%%=*} "
        parameters+=(--parameter "$argument")
      done
      server_command=("$OMS_CACHE/seekdb/seekdb" --base-dir "$dir" --port "$port" --nodaemon
        --log-level ERROR "${parameters[@]}")
      ;;
    postgresql)
      bin=$(postgresql_bin) && _oms_postgresql_command || return 1
      # an option that is given twice has its last value
      for argument in listen_addresses=127.0.0.1 "port=$port" unix_socket_directories= fsync=off jit=off \
        shared_buffers=64MB max_connections=150 wal_level=logical timezone=UTC "$@"; do
        parameters+=(-c "$argument")
      done
      server_command=("${postgresql_command[@]}" "$bin/postgres" -D "$dir/data" "${parameters[@]}")
      ;;
    *) oms_fail "unknown server '$kind' (known: mysql, mariadb, oceanbase, postgresql)" ;;
  esac
}

# Becomes the server: KIND DIR PORT [ARG…]. An ARG is a server option; for oceanbase and postgresql
# name=value.
server_run() {
  local kind=$1 dir=$2 server_command
  server_prepare "$kind" "$dir" || return 1
  dir=$(cd "$dir" && pwd) || return 1
  shift 2
  _oms_server_command "$kind" "$dir" "$@" || return 1
  export TZ=UTC
  exec "${server_command[@]}"
}

# Runs SQL from the arguments, or from standard input, on the server at PORT as root.
server_sql() {
  local port=$1
  shift
  mariadb --no-defaults --default-character-set=utf8mb4 --connect-timeout=5 -h127.0.0.1 -P"$port" -uroot -N -B ${1:+-e "$*"}
}

# Whether a server answers: KIND PORT.
_oms_answers() {
  local bin postgresql_command
  case $1 in
    postgresql)
      bin=$(postgresql_bin) && _oms_postgresql_command || return 1
      "${postgresql_command[@]}" "$bin/psql" -X -h 127.0.0.1 -p "$2" -U root -d postgres -Atc 'SELECT 1'
      ;;
    *) server_sql "$2" 'SELECT 1' ;;
  esac
}

# Starts a server in the background: KIND DIR PORT [ARG…]. It outlives the caller; its output goes to
# DIR/server.log, its process id to DIR/server.process.
server_start() {
  local kind=$1 dir=$2 port=$3 process answer deadline=$((SECONDS + 90))
  server_prepare "$kind" "$dir" || return 1
  dir=$(cd "$dir" && pwd) || return 1
  (
    shift 2
    trap '' HUP
    server_run "$kind" "$dir" "$@"
  ) >>"$dir/server.log" 2>&1 </dev/null &
  process=$!
  disown "$process"
  printf '%s\n' "$process" >"$dir/server.process"
  until answer=$(_oms_answers "$kind" "$port" 2>&1); do
    if ! kill -0 "$process" 2>/dev/null; then
      tail -n 20 "$dir/server.log" >&2
      oms_fail "$kind ended while starting on port $port (whole output: $dir/server.log)"
      return 1
    fi
    if [ "$SECONDS" -gt "$deadline" ]; then
      server_stop "$dir"
      oms_fail "$kind on port $port did not answer within 90 s, last answer: $answer (see $dir/server.log)"
      return 1
    fi
    sleep 0.1
  done
  [ "$kind" != oceanbase ] || _oms_users_sql | grep -v "'root'" | server_sql "$port"
}

# Ends the server that server_start started in DIR: politely, after 30 s (or the second argument) by force.
server_stop() {
  local dir=$1 process deadline=$((SECONDS + ${2:-30}))
  [ -f "$dir/server.process" ] || return 0
  process=$(cat "$dir/server.process")
  # Never signal a process that merely got the same number later.
  if grep -qaF "$(cd "$dir" && pwd)" "/proc/$process/cmdline" 2>/dev/null; then
    kill -TERM "$process" 2>/dev/null || true
    while kill -0 "$process" 2>/dev/null; do
      if [ "$SECONDS" -ge "$deadline" ]; then kill -KILL "$process" 2>/dev/null || true; fi
      sleep 0.1
    done
  fi
  rm -f "$dir/server.process"
}

# Prints a TCP port on 127.0.0.1 that nothing uses, below the range of outgoing connections.
free_port() {
  local port try
  for try in $(seq 200); do
    port=$((20000 + (RANDOM * 32768 + RANDOM + try) % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      printf '%s\n' "$port"
      return 0
    fi
  done
  oms_fail "found no free port between 20000 and 32000"
}
