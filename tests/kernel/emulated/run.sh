#!/bin/sh
# Samples on another kernel or processor, in an emulated machine: a minute each, no privileges.
#   sh tests/kernel/emulated/run.sh [x64-6.1] [x64-6.12] [arm64-6.1]
# Kernels and libraries are downloaded from Debian to tests/.cache/emulated; nothing is installed.
set -eu
root=$(cd -- "$(dirname -- "$(readlink -f -- "$0")")/../../.." && pwd)
export PATH="$root/node_modules/.bin:$PATH"
cache=$root/tests/.cache/emulated
libraries='busybox-static libbpf1 libelf1 zlib1g libc6 libgcc-s1 libstdc++6 libc6-dev linux-libc-dev'
mkdir -p "$cache"

fail() {
  echo "$machine: $1" >&2
  echo "Type: $2" >&2
  exit 2
}

require_tools() {
  for tool in "$emulator" cpio clang ld.lld dpkg apt-get npm; do
    command -v "$tool" >/dev/null || fail "$tool is not installed" \
      'sudo apt-get install -y qemu-system-x86 qemu-system-arm cpio clang lld (Debian 12 or newer)'
  done
}

# An apt of its own per machine, beside the system's: two may be fetched at once.
apt() {
  state=$cache/apt-$machine
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
  touch "$state/status"
  command=$1
  shift
  "$command" -o APT::Architecture="$debian" -o APT::Architectures="$debian" -o APT::Sandbox::User=root \
    -o Dir::State::lists="$state/lists" -o Dir::Cache="$state/cache" -o Dir::State::status="$state/status" "$@"
}

# fetch META_PACKAGE: kernel, libraries and Node into $files.
fetch() {
  node=$(node -p 'process.versions.node')
  koffi=$(node -p "require('$root/node_modules/koffi/package.json').version")
  want="$1 $libraries node $node koffi $koffi"
  if [ "$(cat "$files/fetched" 2>/dev/null)" = "$want" ]; then return 0; fi
  rm -rf "$files"
  mkdir -p "$files/debs"
  apt apt-get update -qq
  kernel=$(apt apt-cache depends "$1" | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
  # shellcheck disable=SC2086 # a list of words
  (cd "$files/debs" && apt apt-get download -qq "$kernel" $libraries) ||
    fail "$1 and its libraries could not be downloaded from Debian" "sh tests/kernel/emulated/run.sh $machine"
  for deb in "$files"/debs/*.deb; do dpkg -x "$deb" "$files"; done
  (cd "$files" && npm pack --silent "node-linux-$arch@$node" "@koromix/koffi-linux-$arch@$koffi" >/dev/null) ||
    fail 'Node and koffi could not be downloaded' "sh tests/kernel/emulated/run.sh $machine"
  for archive in "$files"/*.tgz; do
    mkdir -p "$archive.d"
    tar xzf "$archive" -C "$archive.d"
  done
  echo "$want" >"$files/fetched"
}

# link NAME FLAG…: chain.c for the machine, by its own C library. Linkers for other processors: lld.
link() {
  name=$1
  shift
  libc=$(echo "$files"/usr/lib/*-linux-gnu)
  clang --target="$triple" --sysroot="$files" -fuse-ld=lld -pie -nostartfiles -nodefaultlibs \
    -O2 -fno-optimize-sibling-calls -fno-builtin -fasynchronous-unwind-tables "$@" \
    -o "$files/$name" "$libc/Scrt1.o" "$libc/crti.o" "$root/tests/kernel/programs/chain.c" -lc "$libc/crtn.o"
}

# A file system with Node, the libraries and this checkout's sampler.
pack() {
  guest=$files/guest
  rm -rf "$guest"
  mkdir -p "$guest/bin" "$guest/proc" "$guest/sys" "$guest/dev" "$guest/tmp" "$guest/app/node_modules/@koromix"
  cp "$files"/node-linux-*.tgz.d/package/bin/node "$files/bin/busybox" "$guest/bin/"
  cp -r "$files/lib" "$guest/lib"
  rm -rf "$guest/lib/modules"
  cp "$files/chain-nofp" "$files/chain-fp" "$guest/bin/"
  if [ -d "$files/lib64" ]; then cp -r "$files/lib64" "$guest/lib64"; fi
  cp -r "$files"/usr/lib/*-linux-gnu/*.so* "$guest"/lib/*-linux-gnu/
  cp -r "$files"/koromix-*.tgz.d/package "$guest/app/node_modules/@koromix/koffi-linux-$arch"
  cd "$root"
  # What the sampler and its logger need of the packages.
  for package in koffi pino @pinojs atomic-sleep on-exit-leak-free pino-abstract-transport pino-std-serializers \
    process-warning quick-format-unescaped real-require safe-stable-stringify sonic-boom split2 thread-stream; do
    cp -r "node_modules/$package" "$guest/app/node_modules/"
  done
  tar c --exclude='*.test.ts' package.json bpf/objects bpf/*.h bpf/*.c collector/kernel collector/window.ts \
    collector/unwind collector/symbolize collector/process infra/runtime infra/contract tests/kernel | tar x -C "$guest/app"
  cat >"$guest/init" <<'INIT'
#!/bin/busybox sh
export PATH=/bin HOME=/tmp
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs dev /dev
node /app/tests/kernel/emulated/guest.ts 2>&1
busybox poweroff -f
INIT
  chmod +x "$guest/init" "$guest/bin/busybox" "$guest/bin/node"
  (cd "$guest" && find . | cpio -o -H newc --quiet) >"$files/initrd"
}

# boot EMULATOR-AND-OPTIONS…: prints what the machine says, fails without a PASS. With a thread per CPU
# the emulator of Debian 12 sometimes runs code the kernel has just patched, and panics at boot.
boot() {
  timeout 600 "$@" -accel tcg,thread=single -smp 2 -m 1800 -nographic -no-reboot \
    -kernel "$files"/boot/vmlinuz-* -initrd "$files/initrd" \
    -append "console=$console panic=-1 quiet" </dev/null | tee "$files/console" | grep --line-buffered -a ' s: \|rror\|panic'
  grep -aq ' s: PASS' "$files/console"
}

for machine in ${*:-x64-6.1 x64-6.12 arm64-6.1}; do
  echo "== $machine"
  arch=${machine%%-*}
  files=$cache/$machine
  case $machine in
    x64-6.1) kernel_package=linux-image-cloud-amd64 ;;
    x64-6.12) kernel_package=linux-image-6.12-cloud-amd64 ;;
    arm64-6.1) kernel_package=linux-image-cloud-arm64 ;;
    *) echo "unknown machine $machine: x64-6.1, x64-6.12 or arm64-6.1" >&2 && exit 2 ;;
  esac
  case $arch in
    x64)
      debian=amd64 triple=x86_64-linux-gnu console=ttyS0 signed='' cpu='-cpu max'
      emulator=qemu-system-x86_64
      ;;
    # With signed return addresses, as newer processors have them.
    arm64)
      debian=arm64 triple=aarch64-linux-gnu console=ttyAMA0 signed=-mbranch-protection=pac-ret+leaf
      emulator=qemu-system-aarch64 cpu='-M virt -cpu max,pauth-impdef=on'
      ;;
  esac
  require_tools
  fetch "$kernel_package"
  # shellcheck disable=SC2086 # a word or none
  link chain-nofp -fomit-frame-pointer $signed
  link chain-fp -fno-omit-frame-pointer
  pack
  # shellcheck disable=SC2086 # a list of words
  boot $emulator $cpu
done
