# Brings a fresh checkout to where Flamewatch runs; sourced by start.sh, test.sh and bench.sh. Needs
# only what a bare machine has: POSIX sh, Node >= 20, npm. Every step first looks whether it has
# anything to do, so a second run costs milliseconds. Progress goes to stderr.

root=$(cd -- "$(dirname -- "$(readlink -f -- "$0")")/../.." && pwd)
cd "$root"
export PATH="$root/node_modules/.bin:$PATH"

say() { echo "flamewatch: $*" >&2; }

# fail FACT REMEDY
fail() {
  say "$1"
  echo "  $2" >&2
  exit 2
}

# Two set-ups at once (npm start beside npm test) would install over each other. The lock is on the
# directory itself and ends with descriptor 9.
exec 9<.
if command -v flock >/dev/null; then flock 9; fi

setup_packages() {
  stamp=node_modules/.cache/flamewatch-packages
  want=$(cat package-lock.json .npmrc | cksum)
  # A linked one is another checkout's: npm would empty it there.
  if [ ! -L node_modules ] && [ "$(cat $stamp 2>/dev/null)" != "$want" ]; then
    say 'installing packages (npm ci, about 1 GB on disk) …'
    npm ci --no-progress >&2 || fail 'npm ci did not finish' 'Its words above say why.'
    mkdir -p node_modules/.cache
    echo "$want" >$stamp
  fi
  # Without a pinned runtime for this processor the system's Node must do.
  major=$(node --version) && major=${major#v} && major=${major%%.*}
  [ "$major" -ge 24 ] ||
    fail "Node 24 or newer is needed, found $(node --version)" \
      "npm brings one for Linux on x64 and arm64, this is $(uname -sm): install Node 24."
}

setup_page() {
  built=ui/dist/index.html
  if [ -f vite.config.ts ] && newer_than $built ui query/api.ts vite.config.ts package-lock.json; then
    say 'building the page (vite build) …'
    vite build --logLevel warn >&2 || fail 'the page could not be built' 'The words above say why.'
    touch $built
  fi
}

setup_bpf() {
  # Without a compiler the checked-in objects do.
  if command -v clang >/dev/null; then sh bpf/build.sh >&2; fi
}

setup_libbpf() {
  for lib in /usr/lib/*/libbpf.so.1 /usr/lib64/libbpf.so.1 /usr/lib/libbpf.so.1; do
    if [ -e "$lib" ]; then return 0; fi
  done
  # Not fatal: everything but the collector works without it, and says so.
  install_packages libbpf1 || say "without libbpf this machine is not sampled. Type: sudo apt-get install libbpf1"
}

# newer_than FILE PATH…: true when FILE is missing or older than anything under the paths.
newer_than() {
  reference=$1
  shift
  [ ! -f "$reference" ] || [ -n "$(find "$@" -path '*/dist' -prune -o \
    -newer "$reference" -type f ! -name '*.test.*' -print -quit)" ]
}

# install_packages PACKAGE…: by apt-get as root; false where that cannot be done.
install_packages() {
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then return 1; fi
  say "installing $* (apt-get) …"
  if [ -z "${apt_updated:-}" ]; then
    run_quietly apt-get update || return 1
    apt_updated=yes
  fi
  DEBIAN_FRONTEND=noninteractive run_quietly apt-get install -y --no-install-recommends "$@"
}

# run_quietly COMMAND…: its words only when it does not succeed.
run_quietly() {
  words=$("$@" 2>&1) || {
    echo "$words" >&2
    return 1
  }
}
