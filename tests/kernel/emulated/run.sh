#!/bin/sh
# Samples on other kernels and processors, in emulated machines: about a minute each, no privileges.
#   sh tests/kernel/emulated/run.sh [x64-6.1] [x64-6.12] [arm64-6.1]
# Needs Debian with qemu-system-x86, qemu-system-arm, cpio and npm; kernels and libraries are
# downloaded to tests/.cache/emulated, nothing is installed.
set -eu
root=$(cd -- "$(dirname -- "$(readlink -f -- "$0")")/../../.." && pwd)
cache=$root/tests/.cache/emulated
libraries='busybox-static libbpf1 libelf1 zlib1g libc6 libgcc-s1 libstdc++6'
mkdir -p "$cache"

# An apt of its own per architecture, beside the system's.
apt() {
  state=$cache/apt-$arch
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
  touch "$state/status"
  command=$1
  shift
  "$command" -o APT::Architecture="$debian" -o APT::Architectures="$debian" -o APT::Sandbox::User=root \
    -o Dir::State::lists="$state/lists" -o Dir::Cache="$state/cache" -o Dir::State::status="$state/status" "$@"
}

# fetch META_PACKAGE: kernel and libraries into $files.
fetch() {
  if [ -f "$files/done" ]; then return 0; fi
  rm -rf "$files"
  mkdir -p "$files/debs"
  apt apt-get update -qq
  kernel=$(apt apt-cache depends "$1" | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
  # shellcheck disable=SC2086 # a list of words
  (cd "$files/debs" && apt apt-get download -qq "$kernel" $libraries)
  for deb in "$files"/debs/*.deb; do dpkg -x "$deb" "$files"; done
  (cd "$files" && npm pack --silent "node-linux-$arch@$(node -p 'process.versions.node')" \
    "@koromix/koffi-linux-$arch@$(node -p "require('$root/node_modules/koffi/package.json').version")" >/dev/null)
  for archive in "$files"/*.tgz; do
    mkdir -p "$archive.d"
    tar xzf "$archive" -C "$archive.d"
  done
  touch "$files/done"
}

# A file system with Node, the libraries and this checkout's sampler.
pack() {
  guest=$files/guest
  rm -rf "$guest"
  mkdir -p "$guest/bin" "$guest/proc" "$guest/sys" "$guest/dev" "$guest/tmp" "$guest/app/node_modules/@koromix"
  cp "$files"/node-linux-*.tgz.d/package/bin/node "$files/bin/busybox" "$guest/bin/"
  cp -r "$files/lib" "$guest/lib"
  rm -rf "$guest/lib/modules"
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
    -append "console=$console panic=-1 quiet" </dev/null | tee "$files/console" | grep -a ': \|cost\|PASS\|FAIL\|rror'
  grep -aq '^PASS' "$files/console"
}

for machine in ${*:-x64-6.1 x64-6.12 arm64-6.1}; do
  echo "== $machine"
  arch=${machine%%-*}
  files=$cache/$machine
  case $machine in
    x64-6.1) debian=amd64 && console=ttyS0 && fetch linux-image-cloud-amd64 ;;
    x64-6.12) debian=amd64 && console=ttyS0 && fetch linux-image-6.12-cloud-amd64 ;;
    arm64-6.1) debian=arm64 && console=ttyAMA0 && fetch linux-image-cloud-arm64 ;;
    *) echo "unknown machine $machine: x64-6.1, x64-6.12 or arm64-6.1" >&2 && exit 2 ;;
  esac
  pack
  case $arch in
    x64) boot qemu-system-x86_64 -cpu max ;;
    arm64) boot qemu-system-aarch64 -M virt -cpu cortex-a72 ;;
  esac
done
