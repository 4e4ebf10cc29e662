import type { ErrorObject } from 'ajv'
import { type AppError, invalid } from '#errors/index.ts'

/** What a schema says of a value, in words that name the field as the caller wrote it. `part`: of the request, '' for the body. */
export function toInvalid(errors: readonly ErrorObject[], part: string): AppError {
  const error = mostTelling(errors)
  if (!error) return invalid(part === '' ? 'body' : part, 'The request is not valid')
  const path = pathOf(error)
  if (error.keyword === 'required') {
    const missing = (error.params as { missingProperty: string }).missingProperty
    const field = path === '' ? missing : `${path}.${missing}`
    return invalid(field, `'${field}' field is required`, 'missing')
  }
  if (path === '' && part === '') return invalid('body', 'The body must be a JSON object', 'malformed')
  const field = path === '' ? part : path
  return invalid(field, `${field} ${wanted(error)}`, error.keyword === 'format' ? 'malformed' : undefined)
}

/**
 * Of a value that fits none of several schemas, the reason of the one that it came closest to. That a value is not
 * null is no reason; several types or constants that it might have been are told as one. That it is no constant counts
 * only when no schema has it: then all of them are told.
 */
function mostTelling(errors: readonly ErrorObject[]): ErrorObject | undefined {
  const all = errors.filter((error) => !/^(any|one|all)Of$/.test(error.keyword) && !isAboutNull(error)).map(byConstant)
  const reasons = all.filter((error) => error.keyword !== 'const' || !all.some((other) => isBeside(other, error)))
  const depth = (error: ErrorObject) => error.instancePath.split('/').length + (error.keyword === 'required' ? 1 : 0)
  const deepest = Math.max(...reasons.map(depth))
  const closest = reasons.filter((error) => depth(error) === deepest)
  const alike = (keyword: string) => closest.filter((error) => error.keyword === keyword)
  const told = closest.find(({ keyword }) => keyword !== 'type' && keyword !== 'const')
  if (told) return told
  const groups = Object.values(Object.groupBy(alike('const'), ({ instancePath }) => instancePath))
  const [constants] = groups.sort((a, b) => b!.length - a!.length)
  if (constants) {
    const allowedValues = [...new Set(constants.map(({ params }) => params.allowedValue))]
    return { ...constants[0]!, keyword: 'enum', params: { allowedValues } }
  }
  const [first] = closest
  return first && { ...first, params: { type: alike('type').flatMap(typesOf) } }
}

/** That a field is missing is said before constants are looked at: where one tells that this schema is not meant, that is the reason. */
function byConstant(error: ErrorObject): ErrorObject {
  if (error.keyword !== 'required') return error
  const { properties = {} } = error.parentSchema as { properties?: Record<string, { const?: unknown }> }
  const other = Object.entries(error.data as object).find(
    ([name, value]) =>
      Object.hasOwn(properties, name) && 'const' in properties[name]! && properties[name].const !== value,
  )
  if (!other) return error
  const [name] = other
  const instancePath = `${error.instancePath}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
  return { ...error, keyword: 'const', instancePath, params: { allowedValue: properties[name]!.const } }
}

/** Whether the error is about another field, or within one, of the object that has the constant. */
function isBeside(error: ErrorObject, constant: ErrorObject): boolean {
  const object = constant.instancePath.slice(0, constant.instancePath.lastIndexOf('/') + 1)
  return (
    error.keyword !== 'const' && error.instancePath.startsWith(object) && error.instancePath !== constant.instancePath
  )
}

function isAboutNull(error: ErrorObject): boolean {
  return error.keyword === 'type' && typesOf(error).length === 0
}

function typesOf({ params }: ErrorObject): string[] {
  return [params.type].flat().filter((type) => type !== 'null')
}

/** `/messages/0/role` → `messages[0].role`. */
function pathOf(error: ErrorObject): string {
  return error.instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((at, step) => (/^\d+$/.test(step) ? `${at}[${step}]` : at === '' ? step : `${at}.${step}`), '')
}

const types: Record<string, string> = {
  string: 'a string',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  array: 'an array',
  object: 'an object',
}

function wanted(error: ErrorObject): string {
  const params = error.params as Record<string, unknown>
  const { minimum, maximum } = (error.parentSchema ?? {}) as { minimum?: number; maximum?: number }
  switch (error.keyword) {
    case 'type':
      return `must be ${(params.type as string[]).map((type) => types[type] ?? type).join(' or ')}`
    case 'minimum':
    case 'maximum':
      if (minimum !== undefined && maximum !== undefined) return `must be between ${minimum} and ${maximum}`
      return `must be at ${error.keyword === 'minimum' ? 'least' : 'most'} ${params.limit}`
    case 'enum':
      return `must be one of ${(params.allowedValues as unknown[]).join(', ')}`
    case 'format':
      if (params.format === 'uuid') return 'must be a UUID'
      return `must be a valid ${params.format}`
    case 'minItems':
      return `must have at least ${params.limit} item${params.limit === 1 ? '' : 's'}`
    case 'maxItems':
      return `must have at most ${params.limit} items`
    case 'minLength':
      return params.limit === 1 ? 'must not be empty' : `must have at least ${params.limit} characters`
    case 'maxLength':
      return `must have at most ${params.limit} characters`
    default:
      return error.message ?? 'is not valid'
  }
}
