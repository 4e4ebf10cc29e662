import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startParley } from '#test/support/parley.ts'

const origin = 'https://chat.example'

describe('a page of another origin', () => {
  const methods = new Set<string>()
  let parley: Awaited<ReturnType<typeof startParley>>
  beforeAll(async () => {
    parley = await startParley({
      env: { PARLEY_CORS_ORIGINS: origin },
      overrides: { onRoute: ({ method }) => [method].flat().forEach((one) => void methods.add(one)) },
    })
  })
  afterAll(() => parley?.close())

  /** What a browser asks before it sends anything that a form could not. */
  const preflight = (from: string) =>
    fetch(`${parley.url}/api/v1/chat/sessions/x/archive`, {
      method: 'OPTIONS',
      headers: {
        origin: from,
        'access-control-request-method': 'PUT',
        'access-control-request-headers': 'authorization',
      },
    })

  it('may use every method that a route has, if its origin is named', async () => {
    const { headers } = await preflight(origin)
    expect(headers.get('access-control-allow-origin')).toBe(origin)
    expect(headers.get('access-control-allow-credentials')).toBe('true')
    const allowed = headers.get('access-control-allow-methods')!.split(/, */)
    methods.delete('OPTIONS')
    expect(methods).toContain('PUT')
    expect(allowed).toEqual(expect.arrayContaining([...methods]))
  })

  it('sees what is said to it in headers', async () => {
    const { headers } = await fetch(`${parley.url}/v1/models/none`, { headers: { ...parley.headers, origin } })
    const exposed = headers.get('access-control-expose-headers')!.split(/, */)
    // Meant for the browser itself.
    const said = [...headers.keys()].filter((name) => name.startsWith('x-') && name !== 'x-content-type-options')
    expect(said).toContain('x-should-retry')
    expect(exposed).toEqual(expect.arrayContaining([...said, 'content-disposition']))
  })

  it('may nothing otherwise', async () => {
    const { headers } = await preflight('https://other.example')
    expect(headers.has('access-control-allow-origin')).toBe(false)
  })
})
