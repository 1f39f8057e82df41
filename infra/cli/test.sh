#!/bin/sh
# `npm test`: the set-up, with what the tests need besides, then every test. Arguments after `--` go to
# Vitest: `npm test -- ingest` runs the tests whose path contains "ingest".
set -eu
. "$(dirname -- "$(readlink -f -- "$0")")/setup.sh"

# COMMAND PACKAGE: what has to be there, and Debian's package that has it.
needs='
clang clang
llvm-strip llvm
cc gcc
g++ g++
python3 python3
openssl openssl
xz xz-utils
go golang-go
chromium chromium
qemu-system-x86_64 qemu-system-x86
qemu-system-aarch64 qemu-system-arm
cpio cpio
ld.lld lld
java default-jre-headless
mvn maven
'

missing_packages() {
  echo "$needs" | while read -r command package; do
    if [ -n "$command" ] && ! PATH="$PATH:/usr/sbin:/sbin" command -v "$command" >/dev/null; then
      echo "$package"
    fi
  done
  [ -e /usr/include/bpf/bpf_helpers.h ] || echo libbpf-dev
}

setup_test_programs() {
  missing=$(missing_packages | tr '\n' ' ')
  if [ -z "$missing" ]; then return 0; fi
  # shellcheck disable=SC2086 # a list of words
  install_packages $missing || true
  missing=$(missing_packages | tr '\n' ' ')
  [ -z "$missing" ] ||
    fail "the tests need packages that are not installed: $missing" \
      "Type: sudo apt-get update && sudo apt-get install -y $missing"
}

setup_packages
setup_test_programs
setup_page
setup_bpf
setup_libbpf
sh tests/fixtures/kafka/prepare.sh >/dev/null || exit 2

exec 9<&-
exec vitest run "$@"
