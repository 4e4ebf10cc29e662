import type { ToolSpec } from '#contracts/index.ts'
import { AppError, invalid } from '#errors/index.ts'
import { isDeeperThan } from '#lib/depth.ts'
import type { Fields } from './codec.ts'
import { isFields, listAt, objectAt, plain } from './fields.ts'

const mostTools = 128
const longestDescription = 16_384
const deepestSchema = 24
const mostCharacters = 256 * 1024

/**
 * The tools that a client runs itself, by name; of two with one name the later one counts. Throws `invalid-request` naming
 * the field (`tools[1].name`).
 */
export function decodeManifest(given: Fields): Map<string, ToolSpec> {
  const tools = new Map<string, ToolSpec>()
  for (const [index, value] of listAt(given.tools, 'tools', mostTools).entries()) {
    const tool = decodeTool(objectAt(value, `tools[${index}]`), `tools[${index}]`)
    tools.set(tool.name, tool)
  }
  // They travel with every model call, so all of them together are limited.
  if (JSON.stringify([...tools.values()]).length > mostCharacters)
    throw invalid('tools', `tools must have at most ${mostCharacters} characters together`)
  return tools
}

/** Throws `not-found` naming the first of these that the client does not bring: the server has none of its own. */
export function requireTools(names: readonly string[], tools: ReadonlyMap<string, ToolSpec>): void {
  const index = names.findIndex((name) => !tools.has(name))
  if (index < 0) return
  const said = JSON.stringify(names[index]!.slice(0, 64))
  throw new AppError('not-found', `There is no tool named ${said}`, { details: { field: `tools[${index}]` } })
}

function decodeTool(tool: Fields, at: string): ToolSpec {
  const { name, description, parameters } = tool
  if (typeof name !== 'string' || !/^[\w-]{1,64}$/.test(name))
    throw invalid(`${at}.name`, `${at}.name must be 1 to 64 letters, digits, underscores or hyphens`)
  if (description !== undefined && description !== null && typeof description !== 'string')
    throw invalid(`${at}.description`, `${at}.description must be a string`)
  if (typeof description === 'string' && description.length > longestDescription)
    throw invalid(`${at}.description`, `${at}.description must have at most ${longestDescription} characters`)
  if (parameters !== undefined && parameters !== null && !isFields(parameters))
    throw invalid(`${at}.parameters`, `${at}.parameters must be a JSON schema`)
  const schema = isFields(parameters) ? (plain(parameters) as Fields) : undefined
  if (isDeeperThan(schema, deepestSchema)) throw invalid(`${at}.parameters`, `${at}.parameters is nested too deeply`)
  return {
    name,
    ...(typeof description === 'string' && description !== '' && { description }),
    ...(schema && { parameters: schema }),
    side: 'client',
  }
}
