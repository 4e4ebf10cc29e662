import { isDeeperThan } from '#lib/depth.ts'
import type { Side } from './compile.ts'
import { type Looked, lookThrough, type Watch } from './look-through.ts'

const mostDepth = 200

/**
 * The arguments of a tool call, looked at as what they say, so that escapes hide nothing, and as they are written, so
 * that nothing hides where parsers differ. The text stays as the model wrote it unless something in it is masked.
 */
export async function lookThroughArguments(side: Side, text: string, watch: Watch = {}): Promise<Looked> {
  const value = parsed(text)
  if (value === undefined || isDeeperThan(value, mostDepth)) return lookThrough(side, text, watch)
  const walk = new Walk(side, watch)
  const shown = await walk.through(value)
  if (walk.blocked) return { text: '', blocked: walk.blocked }
  const written = await lookThrough(side, text, { ...(watch.work && { work: watch.work }) })
  if (!walk.found && (written.blocked || written.text !== text)) await lookThrough(side, text, watch)
  if (written.blocked) return { text: '', blocked: written.blocked }
  return { text: walk.changed || written.text !== text ? JSON.stringify(shown) : text }
}

/** A number as it is written: no digit of it may get lost on the way. */
class NumberText {
  readonly source: string
  constructor(source: string) {
    this.source = source
  }
  toJSON(): unknown {
    return rawJson(this.source)
  }
}

class Walk {
  blocked: Looked['blocked']
  changed = false
  found = false
  private readonly side: Side
  private readonly watch: Watch

  constructor(side: Side, watch: Watch) {
    this.side = side
    this.watch = {
      ...watch,
      found: (...find) => {
        this.found = true
        watch.found?.(...find)
      },
    }
  }

  async through(item: unknown): Promise<unknown> {
    if (this.blocked) return item
    if (typeof item === 'string') return this.look(item)
    if (item instanceof NumberText) {
      const shown = await this.look(item.source)
      // A masked number is no number any more.
      return shown === item.source ? item : shown
    }
    if (Array.isArray(item)) {
      const items: unknown[] = []
      for (const each of item) items.push(await this.through(each))
      return items
    }
    if (typeof item !== 'object' || item === null) return item
    const fields: [string, unknown][] = []
    for (const [name, each] of Object.entries(item)) fields.push([await this.look(name), await this.through(each)])
    return Object.fromEntries(fields)
  }

  private async look(said: string): Promise<string> {
    const looked = await lookThrough(this.side, said, this.watch)
    this.blocked ??= looked.blocked
    this.changed ||= looked.text !== said
    return looked.text
  }
}

/** Undefined when it is no JSON. */
function parsed(text: string): unknown {
  try {
    return parseJson(text, (_name, value, { source }) => (typeof value === 'number' ? new NumberText(source!) : value))
  } catch {
    return undefined
  }
}

// The type library does not know yet that numbers can be read and written as they stand.
type Reviver = (name: string, value: unknown, context: { source?: string }) => unknown
const parseJson = JSON.parse as (text: string, reviver: Reviver) => unknown
const { rawJSON: rawJson } = JSON as unknown as { rawJSON(source: string): unknown }
