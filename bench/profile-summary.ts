/** Prints where a .cpuprofile says that the time went: `node bench/profile-summary.ts <file>`. */
import { readFileSync } from 'node:fs'

const TOP_COUNT = 40

type ProfileNode = { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }
type Profile = { nodes: ProfileNode[]; samples: number[]; timeDeltas: number[] }

/** `(idle)` is left out: it says how busy the server was, not where its time went. */
function readSelfTimes(profile: Profile): Map<ProfileNode, number> {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const times = new Map<ProfileNode, number>()
  profile.samples.forEach((id, index) => {
    const node = nodes.get(id)!
    if (node.callFrame.functionName === '(idle)') return
    times.set(node, (times.get(node) ?? 0) + (profile.timeDeltas[index] ?? 0))
  })
  return times
}

/** The path inside the repository, or the name of a built-in module. */
function shortFile(url: string): string {
  if (url === '') return '(engine)'
  const inModules = url.lastIndexOf('/node_modules/')
  if (inModules >= 0) return url.slice(inModules + 1)
  const root = new URL('..', import.meta.url).href
  return url.startsWith(root) ? url.slice(root.length) : url
}

/** `src/<room>` for our files, the package for dependencies, `node` for built-in modules. */
function ownerOf(file: string): string {
  const dependency = /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)
  if (dependency) return dependency[1]!
  if (file.startsWith('node:')) return 'node'
  return file.split('/').slice(0, 2).join('/')
}

function printTotals(
  title: string,
  times: Map<ProfileNode, number>,
  keyOf: (node: ProfileNode) => string,
  limit: number,
): void {
  const totals = new Map<string, number>()
  for (const [node, micros] of times) totals.set(keyOf(node), (totals.get(keyOf(node)) ?? 0) + micros)
  const whole = [...totals.values()].reduce((sum, micros) => sum + micros, 0)
  console.log(`\n${title}`)
  for (const [key, micros] of [...totals].sort((left, right) => right[1] - left[1]).slice(0, limit)) {
    console.log(
      `${((micros * 100) / whole).toFixed(1).padStart(6)} %  ${(micros / 1000).toFixed(0).padStart(7)} ms  ${key}`,
    )
  }
}

const path = process.argv[2]
if (path === undefined) throw new Error('usage: node bench/profile-summary.ts <file.cpuprofile>')
const times = readSelfTimes(JSON.parse(readFileSync(path, 'utf8')) as Profile)
const fileOf = (node: ProfileNode) => shortFile(node.callFrame.url)
printTotals(
  `top ${TOP_COUNT} functions by self time`,
  times,
  (node) => `${node.callFrame.functionName || '(anonymous)'}  ${fileOf(node)}:${node.callFrame.lineNumber + 1}`,
  TOP_COUNT,
)
printTotals('by file', times, fileOf, TOP_COUNT)
printTotals('by room or package', times, (node) => ownerOf(fileOf(node)), TOP_COUNT)
