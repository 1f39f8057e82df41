import { describe, expect, it } from 'vitest'
import { Lane } from './lane.ts'

describe('a lane', () => {
  it('gives each member to one at a time, in order of asking', async () => {
    const lane = new Lane(['only'])
    const member = await lane.acquire()
    const order: string[] = []
    const second = lane.acquire().then(() => order.push('second'))
    const third = lane.acquire().then(() => order.push('third'))
    lane.release(member)
    await second
    expect(order).toEqual(['second'])
    lane.release(member)
    await third
    expect(order).toEqual(['second', 'third'])
  })

  it('lets who aborted go, and gives the member to the next', async () => {
    const lane = new Lane(['only'])
    const member = await lane.acquire()
    const controller = new AbortController()
    const aborted = lane.acquire(controller.signal)
    const next = lane.acquire()
    controller.abort()
    await expect(aborted).rejects.toMatchObject({ code: 'query_cancelled' })
    lane.release(member)
    expect(await next).toBe('only')
  })

  it('gives nothing to who aborted before', async () => {
    const lane = new Lane(['only'])
    await expect(lane.acquire(AbortSignal.abort())).rejects.toMatchObject({
      code: 'query_cancelled',
    })
    expect(await lane.acquire()).toBe('only')
  })

  it('once closed sends everybody away', async () => {
    const lane = new Lane(['only'])
    const member = await lane.acquire()
    const waiting = lane.acquire()
    lane.close()
    await expect(waiting).rejects.toMatchObject({ code: 'store_unavailable' })
    lane.release(member)
    await expect(lane.acquire()).rejects.toMatchObject({ code: 'store_unavailable' })
  })
})
