import { Ajv } from 'ajv'
import type { RouteOptions } from 'fastify'
import { expect, it } from 'vitest'
import { startParley } from '#test/support/parley.ts'

const parts = ['body', 'querystring', 'params', 'headers'] as const

/** The server itself does not check its schemas: that would be half of what its first request waits for. */
it('has valid schemas on every route', async () => {
  const routes: RouteOptions[] = []
  const parley = await startParley({ overrides: { onRoute: (route) => routes.push(route) } })
  await parley.close()
  const ajv = new Ajv({ strict: false })
  let checked = 0
  for (const { method, url, schema = {} } of routes)
    for (const part of parts) {
      if (schema[part] === undefined) continue
      expect(ajv.validateSchema(schema[part] as object), `${method} ${url} ${part}: ${ajv.errorsText()}`).toBe(true)
      checked++
    }
  expect(checked).toBeGreaterThan(100)
})
