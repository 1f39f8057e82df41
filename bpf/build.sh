#!/bin/sh
# Compiles the BPF objects into bpf/.output where clang is installed; does nothing when they are up to
# date. Without clang the checked-in objects of bpf/objects are used.
#   sh bpf/build.sh            build
#   sh bpf/build.sh --record   build, and replace the checked-in objects (after a change of the sources)
set -eu
cd -- "$(dirname -- "$(readlink -f -- "$0")")"

output=${OUTPUT:-.output}
clang=${CLANG:-clang}
strip=${LLVM_STRIP:-llvm-strip}

# The same sum as sourceHash() in collector/kernel/bpf-object.ts: over the files in this order.
sources='kernel.h sample.h unwind.h walk-state.bpf.h maps.bpf.h filter.bpf.h lookup.bpf.h registers.bpf.h
  leave.bpf.h walk.bpf.h user-stack.bpf.h take-sample.bpf.h cpu-clock.bpf.h off-cpu.bpf.h hooks.bpf.h
  profile.bpf.c'
# shellcheck disable=SC2086 # a list of words
hash=$(cat $sources | sha256sum | cut -d ' ' -f 1)

if ! command -v "$clang" >/dev/null || ! command -v "$strip" >/dev/null; then
  echo 'bpf: clang or llvm-strip is not installed; the checked-in objects are used' >&2
  exit 0
fi
if ! [ -e /usr/include/bpf/bpf_helpers.h ]; then
  echo 'bpf: the headers of libbpf are not installed (libbpf-dev); the checked-in objects are used' >&2
  exit 0
fi

compiler=$("$clang" --version | head -n 1)

# asm/types.h is in a directory named after the machine on Debian and its kin.
machine_headers=/usr/include/$(uname -m)-linux-gnu

# Each object and the defines it is compiled with. Only a walk by tables reads registers: the others serve
# every little-endian machine. Processors are named as Node names them.
objects='profile.bpf.o profile-nobtf.bpf.o profile-tables-x64.bpf.o profile-tables-arm64.bpf.o'
defines() {
  case $1 in
    profile-nobtf.bpf.o) echo '-DNO_BTF' ;;
    profile-tables-x64.bpf.o) echo '-DTABLES -D__TARGET_ARCH_x86' ;;
    profile-tables-arm64.bpf.o) echo '-DTABLES -D__TARGET_ARCH_arm64' ;;
  esac
}

# compile OBJECT
compile() {
  # The debug info that stays in .BTF.ext names the sources: by relative paths, so that objects of two
  # checkouts are equal.
  # shellcheck disable=SC2046 # a list of words
  "$clang" -O2 -g -target bpf -mcpu=v3 -Wall -Werror $(defines "$1") \
    -idirafter "$machine_headers" -ffile-prefix-map="$PWD"=. -c profile.bpf.c -o "$output/$1.tmp"
  "$strip" -g "$output/$1.tmp" -o "$output/$1"
  rm "$output/$1.tmp"
}

# One line a fact: the hash of the sources, the compiler, the hash of each object.
record() {
  echo "sources $hash"
  echo "compiler $compiler"
  for object in $objects; do
    echo "$object $(sha256sum <"$output/$object" | cut -d ' ' -f 1)"
  done
}

mkdir -p "$output"
if [ "$(head -n 2 "$output/RECORD" 2>/dev/null)" != "$(printf 'sources %s\ncompiler %s' "$hash" "$compiler")" ]; then
  rm -f "$output/RECORD"
  for object in $objects; do compile "$object"; done
  record >"$output/RECORD"
fi

if [ "${1:-}" = --record ]; then
  mkdir -p objects
  cp "$output"/*.bpf.o "$output/RECORD" objects/
fi
