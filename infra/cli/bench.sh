#!/bin/sh
# `npm run bench`: the set-up, then the measurements of tests/bench, all or those named after `--`.
set -eu
. "$(dirname -- "$(readlink -f -- "$0")")/setup.sh"

setup_packages
setup_page
setup_bpf
setup_libbpf

exec 9<&-
export UV_THREADPOOL_SIZE="${UV_THREADPOOL_SIZE:-16}"
exec node --disable-warning=ExperimentalWarning tests/bench/main.ts "$@"
