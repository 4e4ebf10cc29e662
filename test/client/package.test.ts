import { execFile } from 'node:child_process'
import { cp, glob, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest'
import type { TurnEvent as LoggedEvent, Part as LoggedPart } from '#contracts/index.ts'
import { streamingCode } from '#dialects/streaming-code.ts'
import { type ErrorCode, errorCodes } from '#errors/index.ts'
import type { LogEvent, Part } from '../../client/src/index.ts'
import { buildClient } from './built-client.ts'

const run = promisify(execFile)

const consumer = `
import { connect, type Turn, type TurnEvent } from 'parley-client'

const client = connect({ url: 'https://example.org', getToken: async ({ fresh }) => (fresh ? 'new' : 'old') })

export async function read(turn: Turn): Promise<string> {
  for await (const event of turn) {
    if (event.type === 'text-delta') console.log(event.text.length, event.part)
    if (event.type === 'tool_call') await turn.toolResult(event.tool_call_id, { degrees: 21 })
    // @ts-expect-error: there is no such event
    if (event.type === 'nonsense') return ''
  }
  const { text, outcome, usage } = await turn.done
  return \`\${text} \${outcome} \${usage?.cost_usd}\`
}

export const last = (events: TurnEvent[]): number | undefined => events.at(-1)?.seq
console.log(typeof client.session)
`

describe('the package', () => {
  let built: Awaited<ReturnType<typeof buildClient>>
  let project: string
  beforeAll(async () => {
    built = await buildClient()
    project = join(built.folder, 'project')
    const place = join(project, 'node_modules/parley-client')
    await mkdir(place, { recursive: true })
    await cp('client/package.json', join(place, 'package.json'))
    await symlink(built.folder, join(place, 'dist'))
    await writeFile(join(project, 'package.json'), '{"type":"module"}')
    await writeFile(join(project, 'consumer.ts'), consumer)
  })
  afterAll(() => built?.remove())

  it('needs nothing but itself', async () => {
    const { dependencies, peerDependencies } = JSON.parse(await readFile('client/package.json', 'utf8'))
    expect([dependencies, peerDependencies]).toEqual([undefined, undefined])
    for await (const file of glob('client/src/*.ts')) {
      const imported = (await readFile(file, 'utf8')).matchAll(/ from '([^']+)'/g)
      for (const [, from] of imported) expect(`${file}: ${from}`).toMatch(/: \.\/[\w-]+\.ts$/)
    }
  })

  it('is typed for those who use it, in a browser and in Node, with everything checked', async () => {
    for (const options of [
      [
        '--lib',
        'es2022,dom,dom.iterable,dom.asynciterable',
        '--types',
        '',
        '--module',
        'esnext',
        '--moduleResolution',
        'bundler',
      ],
      ['--lib', 'esnext', '--types', 'node', '--typeRoots', resolve('node_modules/@types'), '--module', 'nodenext'],
    ]) {
      const given = [...options, '--strict', '--noEmit', '--target', 'es2022', 'consumer.ts']
      const checked = run(resolve('node_modules/.bin/tsc'), given, { cwd: project })
      await checked.catch(({ stdout }: { stdout: string }) => expect.fail(stdout))
    }
  })

  it('runs as it was built', async () => {
    const { stdout } = await run(process.execPath, ['consumer.ts'], { cwd: project })
    expect(stdout.trim()).toBe('function')
  })

  it('knows every word in which the server tells of errors', async () => {
    const known = await readFile('client/src/errors.ts', 'utf8')
    const words = (Object.keys(errorCodes) as ErrorCode[]).map(streamingCode)
    expect(words.filter((word) => !known.includes(`| '${word}'`))).toEqual([])
  })

  it('says of a turn’s log what the server says', () => {
    expectTypeOf<Extract<LoggedEvent, { type: LogEvent['type'] }>>().toExtend<LogEvent>()
    expectTypeOf<LoggedPart>().toExtend<Part>()
  })
})
