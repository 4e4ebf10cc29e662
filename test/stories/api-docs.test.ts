import { afterEach, describe, expect, it } from 'vitest'
import { startParley } from '#test/support/parley.ts'

type Parley = Awaited<ReturnType<typeof startParley>>

describe('the API described by the server itself', () => {
  let parley: Parley | undefined
  afterEach(() => parley?.close())

  it('is shown by Swagger UI and by ReDoc where DEBUG is on, to anybody', async () => {
    parley = await startParley({ env: { DEBUG: 'true' } })
    const get = (path: string) => fetch(parley!.url + path)
    const described = (await (await get('/docs/json')).json()) as { paths: Record<string, unknown> }
    expect(Object.keys(described.paths)).toContain('/v1/chat/completions')
    expect(await (await get('/docs')).text()).toContain('swagger')
    const page = await get('/redoc')
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    const script = /src="([^"]+)"/.exec(await page.text())![1]!
    const served = await get(script)
    expect(served.status).toBe(200)
    expect(served.headers.get('content-type')).toBe('text/javascript; charset=utf-8')
    expect((await served.text()).length).toBeGreaterThan(500_000)
  })

  it('is shown nowhere else', async () => {
    parley = await startParley()
    for (const path of ['/docs', '/docs/json', '/redoc', '/redoc/redoc.standalone.js'])
      expect((await fetch(parley.url + path)).status).toBe(404)
  })
})
