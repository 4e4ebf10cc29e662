import { Ajv, type ErrorObject } from 'ajv'
import formats from 'ajv-formats'
import type { FastifyInstance } from 'fastify'
import { type AppError, invalid } from '#errors/index.ts'

/**
 * Bodies are taken at their word (`"true"` is no boolean); what stands in a URL is text and is read as what the schema
 * wants. Unknown fields are left alone: no handler copies a body as a whole.
 */
export function useValidators(server: FastifyInstance): void {
  const options = { allErrors: false, strict: false, useDefaults: true, removeAdditional: false }
  const strict = new Ajv({ ...options, coerceTypes: false })
  const coercing = new Ajv({ ...options, coerceTypes: true })
  // @note the package is CommonJS, and its default export lies one deeper for an ES module.
  const addFormats = formats as unknown as (ajv: Ajv) => void
  addFormats(strict)
  addFormats(coercing)
  server.setValidatorCompiler(({ schema, httpPart }) => {
    const check = (httpPart === 'body' ? strict : coercing).compile(schema as object)
    return (value) => {
      if (check(value)) return { value }
      return { error: toInvalid(check.errors?.at(-1), httpPart === 'body' ? '' : (httpPart ?? '')) }
    }
  })
}

/** The first schema error, in words that name the field as the caller wrote it. */
function toInvalid(error: ErrorObject | undefined, part: string): AppError {
  if (!error) return invalid(part, 'The request is not valid')
  const path = error.instancePath
    .split('/')
    .slice(1)
    .reduce((at, step) => (/^\d+$/.test(step) ? `${at}[${step}]` : at === '' ? step : `${at}.${step}`), '')
  if (error.keyword === 'required') {
    const missing = (error.params as { missingProperty: string }).missingProperty
    const field = path === '' ? missing : `${path}.${missing}`
    return invalid(field, `'${field}' field is required`, 'missing')
  }
  if (path === '' && part === '') return invalid('body', 'The body must be a JSON object', 'malformed')
  const field = path === '' ? part : path
  return invalid(field, `${field} ${wanted(error)}`, error.keyword === 'format' ? 'malformed' : undefined)
}

function wanted(error: ErrorObject): string {
  const params = error.params as Record<string, unknown>
  switch (error.keyword) {
    case 'minimum':
      return `must be at least ${params.limit}`
    case 'maximum':
      return `must be at most ${params.limit}`
    case 'enum':
      return `must be one of ${(params.allowedValues as unknown[]).join(', ')}`
    case 'const':
      return `must be ${JSON.stringify(params.allowedValue)}`
    case 'format':
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
