import { invalid } from '#errors/index.ts'

const mostBytes = 1024 * 1024
const mostDepth = 100

/** A free JSON object within limits; the depth is measured first, because writing JSON recurses. */
export function checkDefinition(definition: Record<string, unknown>): Record<string, unknown> {
  if (typeof definition !== 'object' || definition === null || Array.isArray(definition))
    throw invalid('definition', 'definition must be an object')
  if (isDeeper(definition, mostDepth)) throw invalid('definition', `definition is nested deeper than ${mostDepth}`)
  if (Buffer.byteLength(JSON.stringify(definition)) > mostBytes)
    throw invalid('definition', 'definition must be at most 1 MiB')
  return definition
}

function isDeeper(value: object, depth: number): boolean {
  let level: object[] = [value]
  for (let i = 0; i < depth && level.length > 0; i++)
    level = level.flatMap((item) =>
      Object.values(item).filter((each): each is object => typeof each === 'object' && each !== null),
    )
  return level.length > 0
}
