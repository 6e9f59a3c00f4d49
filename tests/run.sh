#!/usr/bin/env bash
# Runs the tests on a bare Debian 12 machine with a Rust toolchain; installs what is missing.
#
#   tests/run.sh [--fast] [--kills N] [FILTER…]
#
#   --fast, unit   unit tests only: starts no server, installs none
#   --kills N      kill -9 this often in the fault tests (default: theirs); same as OMS_KILLS=N
#   FILTER…        goes to `cargo test`: a part of a test's name, or options like --test NAME; skips
#                  formatting and lints
#
# Environment: OMS_CACHE (default ~/.cache/oms) holds servers and, unless CARGO_TARGET_DIR is set, the
# build. OMS_TEST_KEEP=1 keeps the servers' folders under $OMS_CACHE/run.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
# shellcheck source=deploy/lib/servers.sh
. deploy/lib/servers.sh

fast='' filter=()
while [ $# -gt 0 ]; do
  case $1 in
    --fast | unit) fast=yes && shift ;;
    --kills)
      case ${2:-} in
        '' | *[!0-9]*) oms_say "tests/run.sh: --kills needs a number" && exit 2 ;;
      esac
      export OMS_KILLS=$2
      shift 2
      ;;
    -h | --help) sed -n '2,12s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) filter+=("$1") && shift ;;
  esac
done

step() { printf '\n== %s\n' "$*"; }

if ! command -v cargo >/dev/null && [ -f "$HOME/.cargo/env" ]; then
  # shellcheck source=/dev/null
  . "$HOME/.cargo/env"
fi
if ! command -v cargo >/dev/null; then
  oms_say "tests/run.sh: no cargo: install a Rust toolchain first (rustup, stable)"
  exit 1
fi
command -v cc >/dev/null || install_tools build-essential pkg-config

export OMS_CACHE
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$OMS_CACHE/target}"
export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-never}"
# A run from a fresh clone is built once: what would speed up its next build only fills the disk, by
# more than ten gigabytes in a few runs.
if [ -n "${CI:-}" ]; then
  export CARGO_INCREMENTAL="${CARGO_INCREMENTAL:-0}"
  rm -rf "$CARGO_TARGET_DIR/debug/incremental"
fi
mkdir -p "$CARGO_TARGET_DIR"
free_gb() { df --output=avail -BG "$CARGO_TARGET_DIR" | tail -n 1 | tr -dc '0-9'; }
for old in incremental deps; do
  [ "$(free_gb)" -lt 8 ] && [ -d "$CARGO_TARGET_DIR/debug/$old" ] || continue
  oms_say "tests/run.sh: $(free_gb) GB are free at $CARGO_TARGET_DIR: debug/$old of older builds is removed"
  rm -rf "${CARGO_TARGET_DIR:?}/debug/$old"
done

if [ ${#filter[@]} -eq 0 ]; then
  step "formatting"
  if cargo fmt --version >/dev/null 2>&1; then
    cargo fmt --all --check
  else
    oms_say "rustfmt is missing (rustup component add rustfmt)" && exit 1
  fi
  step "lints"
  if cargo clippy --version >/dev/null 2>&1; then
    cargo clippy --workspace --all-targets -- -D warnings
  else
    oms_say "clippy is missing (rustup component add clippy)" && exit 1
  fi
fi

if [ -n "$fast" ]; then
  step "unit tests"
  cargo test --no-fail-fast --workspace --lib --bins ${filter[@]+"${filter[@]}"}
else
  step "servers"
  deploy/servers.sh install
  deploy/servers.sh paths
  step "all tests"
  # The tests build first, so that what they print is not mixed with the compiler's output.
  cargo test --workspace --no-run
  cargo test --no-fail-fast --workspace ${filter[@]+"${filter[@]}"}
fi
step "passed in $SECONDS s"
