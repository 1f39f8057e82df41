#!/bin/sh
# `npm start`: the set-up, then `flamewatch up` with the options given after `--`.
set -eu
. "$(dirname -- "$(readlink -f -- "$0")")/setup.sh"

setup_packages
setup_page
setup_bpf
setup_libbpf

exec 9<&-
exec sh infra/cli/flamewatch.sh up "$@"
