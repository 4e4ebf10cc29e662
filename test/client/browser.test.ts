import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startParley } from '#test/support/parley.ts'
import { startUpstream, type Upstream } from '#test/support/upstream-simulator.ts'
import type { Client, Session } from '../../client/src/index.ts'
import { buildClient } from './built-client.ts'
import { type FaultyProxy, startFaultyProxy } from './faulty-proxy.ts'
import { firstApp } from './scene.ts'

const executablePath = '/usr/bin/chromium'

/** What page.html leaves for us. */
declare global {
  var client: Client
  var session: Session
  var say: (content: string) => Promise<string>
}

describe.skipIf(!existsSync(executablePath))(`in a browser (skipped where there is no ${executablePath})`, () => {
  let built: Awaited<ReturnType<typeof buildClient>>
  let pages: Server
  let browser: Browser
  let context: BrowserContext
  let upstream: Upstream
  let parley: Awaited<ReturnType<typeof startParley>>
  let proxy: FaultyProxy

  beforeAll(async () => {
    built = await buildClient()
    pages = await servePages(built.folder)
    upstream = await startUpstream()
    upstream.models = ['gpt-sim']
    parley = await startParley({ upstreamUrl: upstream.url, env: { PARLEY_CORS_ORIGINS: originOf(pages) } })
    proxy = await startFaultyProxy(parley.url)
    // Tests run as root in containers, where Chromium's own sandbox cannot be set up.
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  })
  afterEach(() => context?.close())
  afterAll(async () => {
    await browser?.close()
    await proxy?.close()
    await parley?.close()
    await upstream?.close()
    pages?.close()
    await built?.remove()
  })

  async function openPage(more: Record<string, string> = {}): Promise<Page> {
    context = await browser.newContext()
    const page = await context.newPage()
    const options = { url: proxy.url, token: parley.key, applicationId: await firstApp(parley), ...more }
    await page.goto(`${originOf(pages)}/#${new URLSearchParams(options)}`)
    await shows(page, 'state', 'open')
    return page
  }

  it('loads as a module, chats, and reads what it has said', async () => {
    const page = await openPage()
    const turnId = await page.evaluate(() => say('Hello from a page'))
    await shows(page, 'outcome', 'completed')
    await shows(page, 'text', 'You said: Hello from a page')
    const seen = await page.evaluate(async (id) => {
      const types: string[] = []
      for await (const { event } of client.turn(id).events()) types.push(event.type)
      const messages = await session.messages()
      return { types, contents: messages.map(({ content }) => content) }
    }, turnId)
    expect([seen.types[0], seen.types.at(-1)]).toEqual(['turn-start', 'turn-end'])
    expect(seen.contents).toEqual(['Hello from a page', 'You said: Hello from a page'])
  })

  it('makes a session and archives it, from another origin', async () => {
    const page = await openPage()
    const applicationId = await firstApp(parley)
    const status = await page.evaluate(async (applicationId) => {
      const { id } = await client.sessions.create({ applicationId })
      return (await client.sessions.archive(id)).status
    }, applicationId)
    expect(status).toBe('archived')
  })

  it('shows the whole text although its connection is cut in the middle of it', async () => {
    const page = await openPage()
    const held = upstream.hold()
    await page.evaluate(() => say('Count'))
    held.send('one ', 'two ')
    await shows(page, 'text', 'one two ')
    proxy.drop()
    held.send('three ')
    await shows(page, 'text', 'one two three ')
    // In the middle of a frame.
    proxy.drop(20)
    held.send('four ', 'five')
    held.finish()
    await shows(page, 'outcome', 'completed')
    await shows(page, 'text', 'one two three four five')
  })

  it('comes back as soon as the browser is online again', async () => {
    const page = await openPage({ stopped: 'yes' })
    const held = upstream.hold()
    await page.evaluate(() => say('Count'))
    held.send('one ')
    await shows(page, 'text', 'one ')
    await context.setOffline(true)
    proxy.drop()
    await shows(page, 'state', 'waiting')
    held.send('two ', 'three')
    held.finish()
    await context.setOffline(false)
    await shows(page, 'outcome', 'completed')
    await shows(page, 'text', 'one two three')
  })
})

/** Waits until an element of the page has exactly this text. */
async function shows(page: Page, id: string, text: string): Promise<void> {
  await page.waitForFunction(`document.getElementById('${id}').textContent === ${JSON.stringify(text)}`)
}

/** page.html at /, and the built client below /client/. */
async function servePages(folder: string): Promise<Server> {
  const server = createServer(async (request, response) => {
    const name = /^\/client\/([\w-]+\.js)$/.exec(request.url!)?.[1]
    const file = name === undefined ? join(import.meta.dirname, 'page.html') : join(folder, name)
    response.setHeader('content-type', name === undefined ? 'text/html' : 'text/javascript')
    response.end(await readFile(file))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

function originOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
