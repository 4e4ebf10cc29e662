/**
 * The history of a busy app: `node bench/history.ts [--turns 1000000] [--quick]`, on SQLite, or on the PostgreSQL of
 * PARLEY_TEST_DATABASE_URL with `--postgres`. Writes that many turns straight into a database, then asks a server over it
 * for pages and searches, first alone, then while 50 turns a second come in through the chat, and last how many come in a
 * second when as many as possible do and pages are read.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { Agent, request } from 'undici'
import { pinDriver, startMock } from './children.ts'
import { type Server, startServer } from './gateway.ts'
import { fillHistory } from './history-fill.ts'
import { searches } from './history-texts.ts'
import { type Percentiles, Samples } from './statistics.ts'
import { newDeployment, parley } from './subjects.ts'

const { values: options } = parseArgs({
  options: {
    turns: { type: 'string', default: '1000000' },
    postgres: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
  },
})
const turns = Number(options.turns)
const rounds = options.quick ? 20 : 200
const targetMs = { page: 15, search: 60 }
const pace = { talkers: 4, everyMs: 80 }

const folder = mkdtempSync(`${tmpdir()}/parley-bench-history-`)
const deployment = newDeployment(folder)
const url = options.postgres ? await newDatabase() : undefined
if (url !== undefined) process.env.DATABASE_URL = url
pinDriver()
try {
  const filled = await fillHistory({ deployment, turns, ...(url !== undefined && { url }) })
  console.log(`${turns} turns on ${url === undefined ? 'SQLite' : 'PostgreSQL'}; filled in ${filled.seconds} s`)
  console.log(
    `indexing ${filled.indexMicros} µs a turn, segments ${filled.sealMicros} µs a turn, database ${filled.megabytes} MB`,
  )
  const mock = await startMock()
  const server = await startServer(parley, { mockPort: mock.port, deployment })
  try {
    await measure(server, filled.app)
  } finally {
    await server.stop()
    mock.stop()
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
  if (url !== undefined) await dropDatabase(url)
}

async function measure(server: Server, app: string): Promise<void> {
  const agent = new Agent({ connections: 8 })
  const post = async (path: string, body: object) => {
    const answer = await request(`http://127.0.0.1:${server.port}${path}`, {
      method: 'POST',
      dispatcher: agent,
      headers: { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const text = await answer.body.text()
    if (answer.statusCode !== 200 && answer.statusCode !== 404) throw new Error(`${path}: ${answer.statusCode} ${text}`)
    return text
  }
  const history = (body: object) => post('/aiwb/chat/api/v7/', { chat_bot_id: app, page_size: 20, ...body })
  const pages = Math.floor(turns / 20)
  const asks: Record<string, () => object> = {
    'page 1': () => ({}),
    'any page': () => ({ page_no: 1 + Math.floor(Math.random() * pages) }),
    'any page, oldest first': () => ({ order: 'asc', page_no: 1 + Math.floor(Math.random() * pages) }),
    'the last page': () => ({ page_no: pages }),
    'any page without tool events': () => ({
      exclude_tool_verbose: true,
      page_no: 1 + Math.floor(Math.random() * pages * 0.9),
    }),
    'any page of one object': () => ({ object_id: 'object-3', page_no: 1 + Math.floor(Math.random() * 10) }),
  }
  const looks = Object.fromEntries(
    Object.entries(searches).map(([name, text]) => [`search: ${name}`, () => ({ text: text() })]),
  )

  console.log('\nalone')
  await timeAll(server, asks, history, targetMs.page)
  await timeAll(server, looks, history, targetMs.search)

  const say = () => post(`/aiwb/chat/api/v7/${app}/stream`, { message: 'And what of the weather?' })
  console.log('\nwhile 50 turns a second come in')
  await whileTalking(pace.everyMs, say, async () => {
    await timeAll(server, asks, history, targetMs.page)
    await timeAll(server, looks, history, targetMs.search)
  })
  console.log('\nwhile as many turns as possible come in')
  const perSecond = await whileTalking(0, say, () => timeAll(server, asks, history))
  console.log(`${perSecond.toFixed(0)} turns a second came in`)
  await agent.close()
}

/** Four talk, each every so many ms or without a pause; gives how many turns a second came in while `work` went on. */
async function whileTalking(everyMs: number, say: () => Promise<unknown>, work: () => Promise<void>): Promise<number> {
  let isOver = false
  let said = 0
  const started = performance.now()
  const talking = Array.from({ length: pace.talkers }, async () => {
    for (let next = performance.now(); !isOver; next += everyMs) {
      await delay(Math.max(0, next - performance.now()))
      await say()
      said++
    }
  })
  await work()
  isOver = true
  await Promise.all(talking)
  return (said / (performance.now() - started)) * 1000
}

/** CPU is the server's; with turns coming in it is theirs too. */
async function timeAll(
  server: Server,
  asks: Record<string, () => object>,
  ask: (body: object) => Promise<unknown>,
  target?: number,
): Promise<void> {
  const all = new Samples()
  for (const [name, body] of Object.entries(asks)) {
    const own = new Samples()
    let cpu = server.cpuMicros()
    for (let round = 0; round < rounds + 3; round++) {
      const started = performance.now()
      await ask(body())
      const ms = performance.now() - started
      // The first ones fill caches that a server in use has full.
      if (round === 2) cpu = server.cpuMicros()
      if (round < 3) continue
      own.add(ms)
      all.add(ms)
    }
    print(name, own.percentiles(), `   ${((server.cpuMicros() - cpu) / rounds / 1000).toFixed(1)} ms CPU`)
  }
  const { p95 } = all.percentiles()
  const verdict = target === undefined ? '' : `   p95 < ${target} ms: ${p95 < target ? 'yes' : 'NO'}`
  print('all of these', all.percentiles(), verdict)
}

function print(name: string, { p50, p95, max }: Percentiles, remark: string): void {
  const figures = [p50, p95, max].map((ms) => ms.toFixed(1).padStart(8)).join('')
  console.log(`${name.padEnd(32)}${figures} ms p50/p95/max${remark}`)
}

async function newDatabase(): Promise<string> {
  const server = process.env.PARLEY_TEST_DATABASE_URL
  if (server === undefined) throw new Error('PARLEY_TEST_DATABASE_URL names no PostgreSQL')
  const target = new URL(server)
  target.pathname = `/parley_bench_${process.pid}`
  await onServer(`create database ${target.pathname.slice(1)} template template0`)
  return target.toString()
}

async function dropDatabase(target: string): Promise<void> {
  await onServer(`drop database if exists ${new URL(target).pathname.slice(1)} with (force)`)
}

async function onServer(query: string): Promise<void> {
  const client = new pg.Client({ connectionString: process.env.PARLEY_TEST_DATABASE_URL })
  await client.connect()
  await client.query(query).finally(() => client.end())
}
