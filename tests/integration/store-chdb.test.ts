import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLog } from '../../infra/runtime/log.ts'
import { openChdb } from '../../infra/store/chdb.ts'
import { describeStore } from '../store.case.ts'

describeStore('the embedded store', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'flamewatch-store-'))
  const store = await openChdb(directory, silentLog())
  return {
    store,
    close: async () => {
      await store.close()
      await rm(directory, { recursive: true })
    },
  }
})
