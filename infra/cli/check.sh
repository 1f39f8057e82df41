#!/bin/sh
# `npm run check`: format, lint and import directions; the types of every environment; what nobody uses.
# All of them run, so that one run shows everything.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/setup.sh"

setup_packages
exec 9<&-

faults=0
biome ci --error-on-warnings . || faults=1
for project in tsconfig.*.json; do
  case $project in
    tsconfig.base.json) ;;
    *) tsc -p "$project" || faults=1 ;;
  esac
done
knip || faults=1
exit $faults
