import type { Service, ServicesAnswer } from '../../query/api.ts'
import { api } from '../api-client.ts'
import { rangeOf } from '../sides.ts'
import type { UrlState } from '../url-state.ts'
import { type Answer, useAnswer } from '../use-answer.ts'

/** Services of the range of the address. */
export function useServices(state: UrlState, nowMs: number): Answer<ServicesAnswer> {
  const range = rangeOf(state, nowMs)
  return useAnswer(JSON.stringify(range), (signal) => api.services(range, signal))
}

export function findService(answer: ServicesAnswer | null, name: string): Service | null {
  return answer?.services.find((service) => service.service === name) ?? null
}

const CPU = 'process_cpu:cpu:nanoseconds:cpu:nanoseconds'

/** The type the address asks for, else CPU, else the first the service has; '' leaves it to the server. */
export function typeOf(state: UrlState, service: Service | null): string {
  if (state.type !== '' || !service || service.types.includes(CPU)) return state.type
  return service.types[0] ?? ''
}
