import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  applyMigrations,
  planMigrations,
  readMigrations,
  toMigration,
} from '../infra/store/migrate.ts'
import {
  arrays,
  counts,
  dates,
  dateTime64s,
  dateTimes,
  int64s,
  maps,
  nativeBlock,
  strings,
  uint8s,
  uint16s,
  uint32s,
  uint64s,
} from '../infra/store/native.ts'
import { RowBinaryReader } from '../infra/store/row-binary.ts'
import { type Sql, sql, trustedSql } from '../infra/store/sql.ts'
import type { Store } from '../infra/store/store.ts'
import { ingestBlock } from './fixtures/ingest-block.ts'

export type OpenedStore = { readonly store: Store; close(): Promise<void> }

const SECONDS_A_DAY = 86_400
// Noon: a block that lies around it is within one day.
const NOON = Math.floor(Date.now() / 1000 / SECONDS_A_DAY) * SECONDS_A_DAY - SECONDS_A_DAY / 2

// Ten seconds of sleep in small blocks: long enough to be killed, never waited for to the end.
const SLOW = sql`SELECT sum(sleepEachRow(0.05)) FROM numbers(200) SETTINGS max_block_size = 1`

/** What every store does, whichever engine is behind it. `open` gives one with no tables yet. */
export function describeStore(name: string, open: () => Promise<OpenedStore>): void {
  describe(name, () => {
    let opened: OpenedStore
    let store: Store
    beforeAll(async () => {
      opened = await open()
      store = opened.store
      await applyMigrations(store)
    })
    afterAll(() => opened?.close())

    const count = async (from: Sql) => {
      const [row] = await store.rows<{ n: number | string }>(sql`SELECT count() AS n FROM ${from}`)
      return Number(row?.n)
    }

    describe('values', () => {
      it('come back as they went in, of every type', async () => {
        await store.run(sql`
          CREATE TABLE every_type (
            u8 UInt8, u16 UInt16, u32 UInt32, u64 UInt64, i64 Int64, s String,
            low LowCardinality(String), d Date, t DateTime('UTC'), t64 DateTime64(3, 'UTC'),
            ids Array(UInt64), vals Array(Int64), names Array(LowCardinality(String)),
            labels Map(LowCardinality(String), LowCardinality(String)),
            counts Map(LowCardinality(String), UInt64)
          ) ENGINE = MergeTree ORDER BY u8`)
        const block = nativeBlock({
          u8: uint8s([1, 2]),
          u16: uint16s([0, 65_535]),
          u32: uint32s([0, 4_294_967_295]),
          u64: uint64s([2n ** 53n + 1n, 2n ** 64n - 1n]),
          i64: int64s([-(2n ** 63n), 2n ** 63n - 1n]),
          s: strings(['', 'a\0b\'c\\d\n"é😀']),
          low: strings(['x', 'x']),
          d: dates([0, 20_000]),
          t: dateTimes([0, 4_294_967_295]),
          t64: dateTime64s([-1, 1_700_000_000_123]),
          ids: arrays([0, 2], uint64s([1n, 2n ** 64n - 1n])),
          vals: arrays([1, 2], int64s([-5, 2 ** 53 - 1])),
          names: arrays([1, 3], strings(['a', 'b', 'c'])),
          labels: maps([1, 1], strings(['k']), strings(['v'])),
          counts: maps([0, 2], strings(['a', 'b']), counts([1, 2 ** 53 - 1])),
        })
        await store.insert('every_type', block, null)

        const [first, second] = await store.rows(sql`SELECT * FROM every_type ORDER BY u8`)
        expect(first).toEqual({
          u8: 1,
          u16: 0,
          u32: 0,
          u64: '9007199254740993',
          i64: '-9223372036854775808',
          s: '',
          low: 'x',
          d: '1970-01-01',
          t: '1970-01-01 00:00:00',
          t64: '1969-12-31 23:59:59.999',
          ids: [],
          vals: ['-5'],
          names: ['a'],
          labels: { k: 'v' },
          counts: {},
        })
        expect(second).toMatchObject({
          u64: '18446744073709551615',
          i64: '9223372036854775807',
          s: 'a\0b\'c\\d\n"é😀',
          t: '2106-02-07 06:28:15',
          ids: ['1', '18446744073709551615'],
          vals: ['9007199254740991'],
          names: ['b', 'c'],
          labels: {},
          counts: { a: '1', b: '9007199254740991' },
        })

        const reader = new RowBinaryReader(
          await store.binary(
            sql`SELECT u64, i64, s, low, ids, names FROM every_type WHERE u8 = 2 -- the odd one`,
          ),
        )
        expect([reader.u64(), reader.i64(), reader.string(), reader.string()]).toEqual([
          2n ** 64n - 1n,
          2n ** 63n - 1n,
          'a\0b\'c\\d\n"é😀',
          'x',
        ])
        expect([...reader.words64()]).toEqual([1, 0, 0xffff_ffff, 0xffff_ffff])
        expect(reader.array((r) => r.string())).toEqual(['b', 'c'])
        expect(reader.more).toBe(false)
      })

      it('stay one value each as literals, however hostile', async () => {
        await store.run(sql`CREATE TABLE victim (s String) ENGINE = MergeTree ORDER BY s`)
        const hostile = fc.string({
          unit: fc.oneof(
            fc.constantFrom(
              "'",
              '\\',
              '"',
              '`',
              ';',
              '--',
              '/*',
              '*/',
              '\0',
              '\n',
              '{s:String}',
              '$$',
            ),
            fc.constant("'; DROP TABLE victim; SELECT '"),
            fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
          ),
          maxLength: 20,
        })
        await fc.assert(
          fc.asyncProperty(fc.array(hostile, { maxLength: 4 }), hostile, async (list, value) => {
            const [row] = await store.rows(
              sql`SELECT ${value} AS value, ${list} AS list, ${value} = ${value} AS same`,
            )
            expect(row).toEqual({
              value: value.toWellFormed(),
              list: list.map((item) => item.toWellFormed()),
              same: 1,
            })
          }),
          { numRuns: 100 },
        )
        expect(await count(sql`victim`)).toBe(0)
      })

      it('keep sign, size and time as literals', async () => {
        const time = new Date('1969-12-31T23:59:59.999Z')
        const [row] = await store.rows(sql`
          SELECT 1-${-1} AS two, ${2n ** 64n - 1n} AS big, ${-(2n ** 63n)} AS small, ${0.1} AS tenth,
            ${[-1, 2]} AS list, ${true} AS yes, ${time} AS time`)
        expect(row).toEqual({
          two: 2,
          big: '18446744073709551615',
          small: '-9223372036854775808',
          tenth: 0.1,
          list: [-1, 2],
          yes: 1,
          time: '1969-12-31 23:59:59.999',
        })
      })

      it('may be many in one statement', async () => {
        const ids = Array.from({ length: 50_000 }, (_, i) => 2n ** 63n + BigInt(i))
        expect(
          await store.rows(
            sql`SELECT count() AS n FROM numbers(10) WHERE ${2n ** 63n} + number IN ${ids}`,
          ),
        ).toEqual([{ n: '10' }])
      })

      it('are none where no row is', async () => {
        expect(await store.rows(sql`SELECT 1 WHERE 0`)).toEqual([])
        expect(await store.binary(sql`SELECT 1 WHERE 0`)).toHaveLength(0)
      })
    })

    describe('an insert', () => {
      // A service of its own for each test: they share the tables.
      const stored = async (service: string) => ({
        profiles: await count(sql`profiles WHERE service = ${service}`),
        total: (
          await store.rows<{ total: string }>(
            sql`SELECT sum(total) AS total FROM profiles WHERE service = ${service}`,
          )
        )[0]?.total,
        rollup: (
          await store.rows<{ total: string }>(
            sql`SELECT sum(value) AS total FROM stack_10m WHERE service = ${service}`,
          )
        )[0]?.total,
        series: await count(sql`series WHERE service = ${service}`),
      })

      it('reaches the table and all its views', async () => {
        const shape = { service: 'views', profiles: 20, stacks: 30, time: NOON }
        await store.insert('ingest', ingestBlock(shape), `${randomUUID()}/1/1`)
        expect(await stored('views')).toEqual({
          profiles: 20,
          total: '6000',
          rollup: '6000',
          series: 20,
        })
      })

      it('of a token that is known changes nothing in any of them', async () => {
        // Two days, so two partitions in each table.
        const shape = {
          service: 'twice',
          profiles: 4,
          stacks: 50,
          time: NOON,
          spacingSeconds: -30_000,
        }
        const token = `${randomUUID()}/1/1`
        await store.insert('ingest', ingestBlock(shape), token)
        const once = await stored('twice')
        expect(once).toEqual({ profiles: 4, total: '2000', rollup: '2000', series: 4 })
        for (let i = 0; i < 3; i++) await store.insert('ingest', ingestBlock(shape), token)
        expect(await stored('twice')).toEqual(once)
      })

      it('of a large block is one insert still: its token holds', async () => {
        const shape = { service: 'large', profiles: 1000, stacks: 300, time: NOON }
        const block = ingestBlock(shape)
        const token = `${randomUUID()}/1/1`
        for (let i = 0; i < 2; i++) await store.insert('ingest', block, token)
        expect(await stored('large')).toEqual({
          profiles: 1000,
          total: '3000000',
          rollup: '3000000',
          series: 1000,
        })
      })

      it('of the same rows is stored again under another token', async () => {
        const shape = { service: 'two-tokens', profiles: 2, stacks: 3, time: NOON }
        await store.insert('ingest', ingestBlock(shape), `${randomUUID()}/1/1`)
        await store.insert('ingest', ingestBlock(shape), `${randomUUID()}/1/2`)
        expect((await stored('two-tokens')).total).toBe('120')
      })

      // A token stands for its rows: whoever gives it must always cut the same block.
      it('of other rows under a used token is dropped as far as it falls into the same partitions', async () => {
        const token = `${randomUUID()}/1/1`
        const shape = { service: 'reshaped', profiles: 2, stacks: 3, time: NOON }
        await store.insert('ingest', ingestBlock(shape), token)
        await store.insert('ingest', ingestBlock({ ...shape, profiles: 5 }), token)
        expect((await stored('reshaped')).profiles).toBe(2)
        // The day before is another partition: there it is the first block of the token.
        await store.insert('ingest', ingestBlock({ ...shape, time: NOON - SECONDS_A_DAY }), token)
        expect((await stored('reshaped')).profiles).toBe(4)
      })

      it('without a token is stored however often it comes, whatever came before', async () => {
        const shape = { service: 'no-token', profiles: 3, stacks: 2, time: NOON }
        await store.insert('ingest', ingestBlock(shape), `${randomUUID()}/1/1`)
        await store.insert('ingest', ingestBlock(shape), null)
        await store.insert('ingest', ingestBlock(shape), null)
        expect(await stored('no-token')).toEqual({
          profiles: 9,
          total: '180',
          rollup: '180',
          series: 9,
        })
      })

      it('of no rows does nothing', async () => {
        await store.insert(
          'functions',
          nativeBlock({ tenant: strings([]), name: strings([]) }),
          null,
        )
        expect(await count(sql`functions`)).toBe(0)
      })

      it('goes by the names of columns, not by their place', async () => {
        const block = nativeBlock({
          module: strings(['m']),
          name: strings(['n']),
          function_id: uint64s([2n ** 63n]),
          file: strings(['f']),
          tenant: strings(['by-name']),
        })
        await store.insert('functions', block, null)
        expect(await store.rows(sql`SELECT * FROM functions WHERE tenant = 'by-name'`)).toEqual([
          {
            tenant: 'by-name',
            function_id: '9223372036854775808',
            name: 'n',
            file: 'f',
            module: 'm',
          },
        ])
        await store.run(sql`DELETE FROM functions WHERE tenant = 'by-name'`)
      })

      it('refuses tokens, tables and columns that are no names', async () => {
        const block = nativeBlock({ tenant: strings(['t']) })
        await expect(store.insert('functions', block, "'; DROP TABLE functions")).rejects.toThrow(
          'token',
        )
        await expect(store.insert('functions; SELECT 1', block, null)).rejects.toThrow(
          'name for SQL',
        )
        const hostile = nativeBlock({ 'tenant) SELECT 1': strings(['t']) })
        await expect(store.insert('functions', hostile, null)).rejects.toThrow('name for SQL')
      })

      it('into an unknown table says so', async () => {
        const block = nativeBlock({ x: uint8s([1]) })
        await expect(store.insert('nowhere', block, null)).rejects.toMatchObject({
          code: 'store_error',
          retriable: false,
          hint: expect.stringContaining('flamewatch migrate'),
        })
      })
    })

    describe('a limit', () => {
      it('of time ends the statement', async () => {
        await expect(store.rows(SLOW, { limits: { timeoutMs: 100 } })).rejects.toMatchObject({
          code: 'query_limit',
          retriable: false,
        })
      })

      it('of memory ends the statement', async () => {
        const greedy = sql`SELECT count() FROM (SELECT number FROM numbers(50000000) GROUP BY number)
          SETTINGS max_bytes_before_external_group_by = 0`
        await expect(
          store.rows(greedy, { limits: { memoryBytes: 30_000_000 } }),
        ).rejects.toMatchObject({ code: 'query_limit' })
      })

      it('of rows is an error, not a shorter answer', async () => {
        const many = sql`SELECT number FROM numbers(1000)`
        await expect(store.binary(many, { limits: { rows: 999 } })).rejects.toMatchObject({
          code: 'query_limit',
        })
        expect(await store.rows(many, { limits: { rows: 1000 } })).toHaveLength(1000)
      })

      it('holds for its statement alone', async () => {
        const limits = { timeoutMs: 1234, memoryBytes: 123_456_789, rows: 77 }
        // More statements than connections, so that each connection had one.
        await Promise.all(Array.from({ length: 20 }, () => store.rows(sql`SELECT 1`, { limits })))
        const settings = sql`SELECT name FROM system.settings
          WHERE value IN ('1.234', '123456789', '77', '1')
            AND name IN ('max_execution_time', 'max_memory_usage', 'max_result_rows', 'insert_deduplication_token')`
        const answers = await Promise.all(Array.from({ length: 20 }, () => store.rows(settings)))
        expect(answers.flat()).toEqual([])
      })
    })

    describe('cancelling', () => {
      const running = async (id: string) =>
        count(sql`system.processes WHERE query LIKE ${`%${id}%`}
        AND query NOT LIKE '%system.processes%'`)

      const until = async (holds: () => Promise<boolean>) => {
        while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5))
      }

      it('stops the statements in the engine, and leaves the store as it was', async () => {
        const ids = Array.from({ length: 3 }, () => randomUUID())
        const controller = new AbortController()
        const { signal } = controller
        const statements = ids.map((id) =>
          store.rows(
            sql`SELECT ${id}, sum(sleepEachRow(0.05)) FROM numbers(200) SETTINGS max_block_size = 1`,
            { signal },
          ),
        )
        for (const id of ids) await until(async () => (await running(id)) > 0)
        controller.abort()
        for (const result of await Promise.allSettled(statements))
          expect(result).toMatchObject({ status: 'rejected', reason: { code: 'query_cancelled' } })
        for (const id of ids) await until(async () => (await running(id)) === 0)
        expect(await store.rows(sql`SELECT 1 AS one`)).toEqual([{ one: 1 }])
      })

      it('stops a statement that returns nothing', async () => {
        const id = randomUUID()
        const controller = new AbortController()
        await store.run(sql`CREATE TABLE IF NOT EXISTS sink (n UInt64) ENGINE = Null`)
        const job = store.run(
          sql`INSERT INTO sink SELECT cityHash64(number, ${id}) FROM numbers(1000000000000)`,
          { signal: controller.signal },
        )
        // Taken now, since nobody may wait for it before it ends.
        const outcome = expect(job).rejects.toMatchObject({ code: 'query_cancelled' })
        await until(async () => (await running(id)) > 0)
        controller.abort()
        await outcome
        await until(async () => (await running(id)) === 0)
      })

      it('before the start never starts', async () => {
        const signal = AbortSignal.abort()
        await expect(
          store.run(sql`CREATE TABLE never (n UInt8) ENGINE = Null`, { signal }),
        ).rejects.toMatchObject({
          code: 'query_cancelled',
        })
        expect(
          await count(sql`system.tables WHERE database = currentDatabase() AND name = 'never'`),
        ).toBe(0)
      })
    })

    describe('many at once', () => {
      it('let a fast statement pass a slow one, and an insert too', async () => {
        const controller = new AbortController()
        let slowEnded = false
        const slow = store
          .rows(SLOW, { signal: controller.signal })
          .catch(() => {})
          .finally(() => {
            slowEnded = true
          })
        await store.rows(sql`SELECT 1`)
        await store.insert(
          'ingest',
          ingestBlock({ service: 'beside', profiles: 1, stacks: 1, time: NOON }),
          `${randomUUID()}/1/1`,
        )
        expect(slowEnded).toBe(false)
        controller.abort()
        await slow
      })

      it('each get their own answer', async () => {
        const numbers = Array.from({ length: 50 }, (_, i) => i)
        const answers = await Promise.all(
          numbers.map((n) => store.rows(sql`SELECT ${n} AS n, ${`text ${n}`} AS text`)),
        )
        expect(answers).toEqual(numbers.map((n) => [{ n, text: `text ${n}` }]))
      })

      it('leave the event loop free', async () => {
        let turns = 0
        const timer = setInterval(() => turns++, 1)
        const work = sql`SELECT sum(sleepEachRow(0.01)) FROM numbers(20) SETTINGS max_block_size = 1`
        await Promise.all([store.rows(work), store.rows(work)])
        clearInterval(timer)
        // 200 ms at least: a blocked loop would have turned once or twice.
        expect(turns).toBeGreaterThan(5)
      })
    })

    describe('an error', () => {
      it('of a statement carries the engine’s words', async () => {
        await expect(store.rows(sql`SELEKT 1`)).rejects.toMatchObject({
          code: 'store_error',
          retriable: false,
          message: expect.stringContaining('SYNTAX_ERROR'),
        })
      })

      it('in the middle of a result leaves nothing of it to anybody', async () => {
        const late = sql`SELECT throwIf(number = 199999, 'late') FROM numbers(200000)`
        // More often than there are connections, so that each had one.
        const outcomes = await Promise.allSettled(
          Array.from({ length: 12 }, (_, i) => (i % 2 ? store.binary(late) : store.rows(late))),
        )
        for (const outcome of outcomes)
          expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'store_error' } })
        const answers = await Promise.all(
          Array.from({ length: 12 }, (_, i) => store.binary(sql`SELECT toUInt8(${i})`)),
        )
        expect(answers.map((answer) => [...answer])).toEqual(answers.map((_, i) => [i]))
      })
    })

    describe('migrations', () => {
      const known = readMigrations()
      const forget = (name: string) => store.run(sql`DELETE FROM migrations WHERE name = ${name}`)

      it('are applied once', async () => {
        expect(await applyMigrations(store)).toEqual([])
        const { applied, pending } = await planMigrations(store)
        expect(applied).toEqual((await known).map(({ name }) => name))
        expect(pending).toEqual([])
      })

      it('that were edited after they were applied are refused', async () => {
        const [first, ...rest] = await known
        const edited = { ...first, checksum: 'f'.repeat(64) } as NonNullable<typeof first>
        await expect(planMigrations(store, [edited, ...rest])).rejects.toMatchObject({
          code: 'migration',
          hint: expect.stringContaining('new migration'),
        })
      })

      it('unknown to this release are refused', async () => {
        await expect(applyMigrations(store, { migrations: [] })).rejects.toMatchObject({
          code: 'migration',
          hint: expect.stringContaining('newer release'),
        })
      })

      it('that broke off go on when the cause is gone', async () => {
        const name = '9999_breaks_off'
        const statements = [
          'CREATE TABLE IF NOT EXISTS broke_off (n UInt64) ENGINE = MergeTree ORDER BY n',
          'ALTER TABLE not_there_yet ADD COLUMN IF NOT EXISTS m UInt64',
        ]
        const migrations = [...(await known), toMigration(name, statements.join(';'))]
        await expect(applyMigrations(store, { migrations })).rejects.toMatchObject({
          code: 'migration',
          message: expect.stringContaining('statement 2 of 2'),
          hint: expect.stringContaining('again'),
        })
        expect((await planMigrations(store, migrations)).pending.map((m) => m.name)).toEqual([name])

        await store.run(sql`CREATE TABLE not_there_yet (n UInt64) ENGINE = MergeTree ORDER BY n`)
        const seen: string[] = []
        await applyMigrations(store, {
          migrations,
          onProgress: (p) => seen.push(`${p.statement}/${p.statements}`),
        })
        expect(seen).toEqual(['1/2', '2/2'])
        expect((await planMigrations(store, migrations)).pending).toEqual([])
        await forget(name)
      })

      it('by two at once are applied as by one', async () => {
        const name = '9999_by_two'
        const migrations = [
          ...(await known),
          toMigration(
            name,
            'CREATE TABLE IF NOT EXISTS by_two (n UInt64) ENGINE = MergeTree ORDER BY n',
          ),
        ]
        await Promise.all([
          applyMigrations(store, { migrations }),
          applyMigrations(store, { migrations }),
        ])
        expect((await planMigrations(store, migrations)).pending).toEqual([])
        await forget(name)
      })

      it('can all run twice', async () => {
        for (const { statements } of await known)
          for (const statement of statements) await store.run(trustedSql(statement))
      })
    })

    it('answers a ping, however busy it is', async () => {
      const controller = new AbortController()
      const busy = Array.from({ length: 6 }, () => store.rows(SLOW, { signal: controller.signal }))
      const ended = Promise.allSettled(busy)
      let anyEnded = false
      void Promise.race(busy.map((read) => read.catch(() => {}))).then(() => {
        anyEnded = true
      })
      await store.ping()
      expect(anyEnded).toBe(false)
      controller.abort()
      await ended
    })
  })
}
