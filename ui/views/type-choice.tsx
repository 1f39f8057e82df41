import type { Service } from '../../query/api.ts'
import { change } from '../navigation.ts'
import type { UrlState } from '../url-state.ts'
import { typeOf } from './use-service.ts'

/** Which kind of profile is shown; not there where a service has only one. */
export function TypeChoice({ state, service }: { state: UrlState; service: Service | null }) {
  const types = service?.types ?? []
  if (types.length < 2) return null
  return (
    <label class="field">
      <span class="unseen">Profile type</span>
      <select
        value={typeOf(state, service) || types[0]}
        onChange={(event) => change({ type: event.currentTarget.value, frame: null, zoom: null })}
      >
        {types.map((type) => (
          <option key={type} value={type}>
            {nameType(type)}
          </option>
        ))}
      </select>
    </label>
  )
}

// `process_cpu:cpu:nanoseconds:cpu:nanoseconds` reads `cpu`, `memory:alloc_space:bytes:space:bytes`
// `alloc_space (memory)`, `event:kprobe/vfs_read:count:event:count` `kprobe/vfs_read`.
function nameType(type: string): string {
  const [name = '', sample = ''] = type.split(':')
  if (name === 'event') return sample
  return name.includes(sample) ? sample : `${sample} (${name})`
}
