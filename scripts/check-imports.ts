/**
 * Who may import whom (ARCHITECTURE, the import table): reads the import statements of src and exits with 1 when one
 * goes where its room may not. Tests and `*-for-test` files may import anything. A script of our own, because
 * dependency-cruiser reads TypeScript only with a TypeScript older than ours.
 */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Room → rooms it may import beside itself. `features` and `doors` stand for each folder in them. */
const mayImport: Record<string, readonly string[]> = {
  errors: [],
  contracts: ['errors'],
  lib: ['errors', 'contracts'],
  config: [],
  wire: [],
  dialects: [],
  store: [],
  providers: [],
  knowledge: ['store', 'providers'],
  tools: ['store', 'knowledge'],
  metering: ['store'],
  features: ['store', 'providers', 'metering', 'knowledge', 'features'],
  engine: ['providers/spec.ts'],
  graphs: ['engine', 'tools'],
  turns: ['engine', 'graphs', 'tools', 'knowledge', 'metering', 'features', 'store'],
  'doors/gate': ['wire'],
  doors: ['turns', 'features', 'wire', 'dialects', 'doors/gate'],
  subscribers: ['turns', 'features', 'store', 'jobs'],
  jobs: ['turns', 'features', 'store'],
  'app-server.ts': ['config', 'doors', 'api-docs.ts'],
  'app-features.ts': ['config', 'engine/moderation', 'features', 'providers', 'store'],
  'app-jobs.ts': ['config', 'features', 'jobs', 'store', 'subscribers'],
  'app-housekeeping.ts': ['app-features.ts', 'app-jobs.ts', 'turns'],
  'app-doors.ts': ['app-server.ts', 'app-features.ts', 'app-jobs.ts', 'config', 'doors', 'metering', 'store', 'turns'],
  'main.ts': ['app.ts', 'config'],
}
const everybodyMayImport = ['contracts', 'errors', 'lib']
/** The wiring imports every room; its parts have rows like anybody else. */
const wiring = 'app.ts'
const foundations = new Set(['errors', 'contracts', 'lib'])

const imports = /(?:^|[\s}*])from '([.#][^']+)'|\bimport\(?\s*'([.#][^']+)'/g

/** An ESM import looks at all that node:http exports, which loads Node's fetch: 14 MB (docs/decisions: quick starts). */
const httpByName = /^import (?!type\b)(?:(?!\bfrom\b)[\s\S])*from 'node:http'/m

const violations: string[] = []
for (const file of globSync('**/*.ts', { cwd: 'src' }).sort()) {
  if (/\.test\.ts$|-for-test\.ts$/.test(file)) continue
  const text = readFileSync(join('src', file), 'utf8')
  if (httpByName.test(text))
    violations.push(`src/${file} imports node:http: only its types, or process.getBuiltinModule`)
  for (const [, from, alone] of text.matchAll(imports)) {
    const specifier = (from ?? alone)!
    const target = specifier.startsWith('#') ? specifier.slice(1) : join(dirname(file), specifier)
    const problem = problemOf(file, target)
    if (problem) violations.push(`src/${file} imports ${specifier}: ${problem}`)
  }
}
if (violations.length > 0) {
  console.error(
    `${violations.join('\n')}\n${violations.length} imports go where they may not (scripts/check-imports.ts)`,
  )
  process.exitCode = 1
}

function problemOf(file: string, target: string): string | undefined {
  const own = roomOf(file)
  const other = roomOf(target)
  if (own === other || own === wiring || target === '../package.json') return undefined
  if (target.startsWith('test/') || target.startsWith('..')) return 'only tests may leave src'
  const table = mayImport[own] ?? mayImport[own.split('/')[0]!]
  if (!table) return `${own} has no row in the table`
  const allowed = foundations.has(own) ? table : [...table, ...everybodyMayImport]
  if (!allowed.some((name) => target === name || target.startsWith(`${name}/`))) return `${own} may not import ${other}`
  if (other.startsWith('features/') && target !== `${other}/index.ts`) return 'a feature is entered by its index'
  return undefined
}

/** `features/apps/store.ts` → `features/apps`; `turns/reap.ts` → `turns`; `app.ts` → `app.ts`. */
function roomOf(path: string): string {
  const [first, second] = path.split('/')
  return first === 'features' || first === 'doors' ? `${first}/${second}` : first!
}
