// What a cgroup's path says about the process in it. Both drivers and all runtimes write the same
// facts in different shapes:
//
//   /docker/<id>                                                    docker, cgroupfs driver
//   /system.slice/docker-<id>.scope                                 docker, systemd driver
//   /kubepods/burstable/pod<uid>/<id>                               kubelet, cgroupfs driver
//   /kubepods.slice/…-pod<uid with _>.slice/cri-containerd-<id>.scope   kubelet, systemd driver
//   /system.slice/containerd.service/…-pod<uid>.slice:cri-containerd:<id>
//   /machine.slice/libpod-<id>.scope/container                      podman
//   /system.slice/nginx.service                                     systemd unit

export type CgroupNames = {
  /** 64 hex digits. */
  readonly containerId: string | null
  /** Lower-case UUID, or the 32 hex digits of a static pod. */
  readonly podUid: string | null
  /** systemd unit as systemd prints it, for example `postgresql@15-main.service`. */
  readonly unit: string | null
}

export const NO_CGROUP_NAMES: CgroupNames = { containerId: null, podUid: null, unit: null }

// Not the scope of a monitor (`libpod-conmon-<id>.scope`), which stands outside its container.
const CONTAINER_ID = /(?<![0-9a-f]|conmon-)[0-9a-f]{64}(?![0-9a-f])/
const POD = /pod([0-9a-f]{8}([-_])[0-9a-f]{4}\2[0-9a-f]{4}\2[0-9a-f]{4}\2[0-9a-f]{12}|[0-9a-f]{32})/
const UNIT = /^[^/:]+\.service$/
// The manager of a user's session: what runs below it is no part of a service.
const USER_MANAGER = /^user@\d+\.service$/

export function parseCgroupPath(path: string): CgroupNames {
  const parts = path.split('/')
  const containerAt = parts.findLastIndex((part) => CONTAINER_ID.test(part))
  const containerId = CONTAINER_ID.exec(parts[containerAt] ?? '')?.[0] ?? null
  const podUid = POD.exec(path)?.[1]?.replaceAll('_', '-') ?? null
  // Above a container stand the runtime's units; below it those of a systemd inside.
  const below = containerAt < 0 ? parts : parts.slice(containerAt + 1)
  const unit = below.findLast((part) => UNIT.test(part)) ?? null
  return { containerId, podUid, unit: unit && unescapeUnit(unit) }
}

/** False for units that are no service of their own, such as a user's session manager. */
export function isServiceUnit(unit: string): boolean {
  return !USER_MANAGER.test(unit)
}

/**
 * The path to go by from the text of /proc/PID/cgroup: hierarchies may differ on v1 and hybrid hosts,
 * the one that names most is meant. Null when the text has no path.
 */
export function chooseCgroupPath(text: string): string | null {
  let best: string | null = null
  let bestRank = -1
  for (const line of text.split('\n')) {
    const match = /^(\d+):([^:]*):(\/.*)$/.exec(line)
    if (!match) continue
    const path = match[3] ?? '/'
    const { containerId, podUid, unit } = parseCgroupPath(path)
    const unified = match[1] === '0'
    const rank = (containerId ? 8 : 0) + (podUid ? 4 : 0) + (unit ? 2 : 0) + (unified ? 1 : 0)
    if (rank > bestRank) {
      best = path
      bestRank = rank
    }
  }
  return best
}

// systemd escapes characters of instance names as \x2d.
function unescapeUnit(unit: string): string {
  return unit.replaceAll(/\\x([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
}
