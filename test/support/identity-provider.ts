import { createHash, createPrivateKey, generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { importJWK, type JWK, SignJWT } from 'jose'
import { Provider } from 'oidc-provider'

/** What the provider knows of a person, and writes into his tokens. */
export type Person = Record<string, unknown>

const clientId = 'chat-client'
const redirectUri = 'http://127.0.0.1:9/callback'
const resource = 'urn:parley'
export const audience = 'parley'

/**
 * A real OpenID provider (the npm package oidc-provider) in this process: discovery, key set, logins by authorization
 * code with PKCE, JWT access tokens. Its login page lets in whom `login_hint` names.
 */
export async function startIdentityProvider() {
  const people = new Map<string, Person>()
  let keys = [newKey()]
  let down = false
  let keyRequests = 0
  /** Answers instead of the key set. */
  let instead: ((response: ServerResponse) => void) | undefined
  let provider: Provider
  let handle: (request: IncomingMessage, response: ServerResponse) => unknown

  const server = createServer((request, response) => {
    const path = request.url!.split('?')[0]!
    if (path === '/jwks') keyRequests++
    if (down) return void request.socket.destroy()
    if (path === '/jwks' && instead) return instead(response)
    if (path.startsWith('/login/')) return void letIn(request, response)
    return void handle(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  build()

  function build(): void {
    provider = new Provider(url, {
      jwks: { keys },
      clients: [
        {
          client_id: clientId,
          redirect_uris: [redirectUri],
          token_endpoint_auth_method: 'none',
          grant_types: ['authorization_code'],
          response_types: ['code'],
        },
      ],
      cookies: { keys: [randomBytes(16).toString('hex')] },
      claims: { openid: ['sub'] },
      findAccount: (_: unknown, id: string) =>
        people.has(id) ? { accountId: id, claims: () => ({ sub: id }) } : undefined,
      extraTokenClaims: (_: unknown, token: { accountId: string }) => people.get(token.accountId),
      interactions: { url: (_: unknown, interaction: { uid: string }) => `/login/${interaction.uid}` },
      features: {
        devInteractions: { enabled: false },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => resource,
          useGrantedResource: () => true,
          getResourceServerInfo: () => ({
            scope: 'chat',
            audience,
            accessTokenFormat: 'jwt',
            accessTokenTTL: 2 * 86_400,
            jwt: { sign: { alg: 'RS256' } },
          }),
        },
      },
    })
    handle = provider.callback()
  }

  async function letIn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { params } = await provider.interactionDetails(request, response)
    const accountId = params.login_hint!
    const grant = new provider.Grant({ accountId, clientId })
    grant.addOIDCScope('openid')
    grant.addResourceScope(resource, 'chat')
    const result = { login: { accountId }, consent: { grantId: await grant.save() } }
    await provider.interactionFinished(request, response, result)
  }

  /** Logs in as somebody, as a browser and its client would; gives the access token. */
  async function login(sub: string): Promise<string> {
    const verifier = randomBytes(32).toString('base64url')
    const query = new URLSearchParams({
      client_id: clientId,
      redirect_uri: redirectUri,
      response_type: 'code',
      scope: 'openid chat',
      login_hint: sub,
      state: 'x',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    })
    const code = await follow(`${url}/auth?${query}`)
    const answer = await fetch(`${url}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        client_id: clientId,
        redirect_uri: redirectUri,
        code,
        code_verifier: verifier,
      }),
    })
    const body = (await answer.json()) as { access_token?: string }
    if (body.access_token === undefined) throw new Error(`the provider gave no token: ${JSON.stringify(body)}`)
    return body.access_token
  }

  /** Goes where the browser is sent, with its cookies, until the client is called back. */
  async function follow(start: string): Promise<string> {
    const cookies = new Map<string, string>()
    for (let at = start; ; ) {
      const cookie = [...cookies].map((pair) => pair.join('=')).join('; ')
      const answer = await fetch(at, { redirect: 'manual', headers: { cookie } })
      for (const set of answer.headers.getSetCookie()) {
        const [pair] = set.split(';')
        const equals = pair!.indexOf('=')
        cookies.set(pair!.slice(0, equals), pair!.slice(equals + 1))
      }
      const next = answer.headers.get('location')
      if (next === null) throw new Error(`no way to log in: ${answer.status} ${await answer.text()}`)
      const target = new URL(next, url)
      if (!target.href.startsWith(redirectUri)) at = target.href
      else if (target.searchParams.has('code')) return target.searchParams.get('code')!
      else throw new Error(`the provider refused: ${target.search}`)
    }
  }

  const discovery = (await (await fetch(`${url}/.well-known/openid-configuration`)).json()) as {
    issuer: string
    jwks_uri: string
  }

  return {
    issuer: discovery.issuer,
    jwksUrl: discovery.jwks_uri,
    env: {
      PARLEY_JWKS_URL: discovery.jwks_uri,
      PARLEY_JWKS_ISSUER: discovery.issuer,
      PARLEY_JWKS_AUDIENCE: audience,
    },
    login,
    /** Somebody new; gives his `sub`. */
    person(claims: Person): string {
      const sub = randomUUID()
      people.set(sub, claims)
      return sub
    },
    change(sub: string, claims: Person): void {
      people.set(sub, { ...people.get(sub), ...claims })
    },
    /** Signs with a new key from now on; the old one stays in the set unless it is withdrawn. */
    rotate(options: { withdraw?: boolean } = {}): void {
      keys = [newKey(), ...(options.withdraw ? [] : keys)]
      build()
    },
    /** A token made by hand, signed with the provider's own key unless another is given. */
    async sign(claims: object, header: object = {}, key: JWK = keys[0]!): Promise<string> {
      const now = Math.floor(Date.now() / 1000)
      const usual = { iss: discovery.issuer, aud: audience, sub: 'by-hand', iat: now, exp: now + 600 }
      return new SignJWT({ ...usual, ...claims })
        .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid: key.kid!, ...header })
        .sign(await importJWK(key, 'RS256'))
    },
    /** Any text as claims under any header, truly signed: what no library would make. */
    signText(text: string, header: object = {}): string {
      const key = keys[0]!
      const parts = [JSON.stringify({ alg: 'RS256', typ: 'JWT', kid: key.kid, ...header }), text]
      const signed = parts.map((part) => Buffer.from(part).toString('base64url')).join('.')
      const privateKey = createPrivateKey({ key: key as never, format: 'jwk' })
      return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`
    },
    newKey,
    get publicKey(): JWK {
      const { kty, n, e, kid } = keys[0] as JWK & { kty: 'RSA' }
      return { kty, n: n!, e: e!, kid: kid! } as JWK
    },
    get keyRequests() {
      return keyRequests
    },
    /** Nobody answers any more, or again. */
    set down(value: boolean) {
      down = value
    },
    /** What is answered instead of the key set. */
    set instead(answer: ((response: ServerResponse) => void) | undefined) {
      instead = answer
    },
    close: () =>
      new Promise<unknown>((resolve) => {
        server.close(resolve)
        server.closeAllConnections()
      }),
  }
}

export type IdentityProvider = Awaited<ReturnType<typeof startIdentityProvider>>

function newKey(): JWK {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: 'RS256', use: 'sig' } as JWK
}
