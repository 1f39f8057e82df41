#!/bin/sh
# `npm run bench`: the set-up, then the measurements of tests/bench, all or those named after `--`.
set -eu
. "$(dirname -- "$(readlink -f -- "$0")")/setup.sh"

# The profilers the collector is measured beside, and what tells the kernel memory of all. The others are
# measured without them, too.
setup_peers() {
  missing=
  command -v perf >/dev/null || missing="$missing linux-perf"
  command -v bpftrace >/dev/null || missing="$missing bpftrace"
  [ -x /usr/sbin/bpftool ] || missing="$missing bpftool"
  if [ -z "$missing" ]; then return 0; fi
  # shellcheck disable=SC2086 # a list of words
  install_packages $missing ||
    say "without$missing: no figures of them. Type: sudo apt-get install$missing"
}

setup_packages
setup_page
setup_bpf
setup_libbpf
setup_peers

exec 9<&-
export UV_THREADPOOL_SIZE="${UV_THREADPOOL_SIZE:-16}"
exec node --disable-warning=ExperimentalWarning tests/bench/main.ts "$@"
