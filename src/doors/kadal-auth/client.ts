import { AppError, invalid } from '#errors/index.ts'
import type { Client } from '#features/auth/index.ts'

/** What a body may say of its client. */
export interface ClientFields {
  client_id?: string
  client_secret?: string
}

/**
 * Who asks (RFC 6749 §2.3.1): HTTP Basic, or both fields of the body; not both ways at once. Throws `unauthenticated` when
 * nobody is named, `invalid-request` when it is said twice.
 */
export function readClient(authorization: string | undefined, body: ClientFields): Client {
  if (authorization === undefined) {
    if (body.client_id === undefined || body.client_secret === undefined)
      throw new AppError('unauthenticated', 'client_id and client_secret are needed')
    return { id: body.client_id, secret: body.client_secret }
  }
  if (body.client_secret !== undefined)
    throw invalid(
      'client_secret',
      'The client authenticates by the header Authorization or in the body, not both',
      'malformed',
    )
  const client = basic(authorization)
  if (!client)
    throw new AppError('unauthenticated', 'Authorization must be HTTP Basic with client_id and client_secret')
  if (body.client_id !== undefined && body.client_id !== client.id)
    throw invalid('client_id', 'client_id is not the one of the header Authorization', 'malformed')
  return client
}

function basic(authorization: string): Client | undefined {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(authorization)?.[1]
  const text = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 1 ? undefined : { id: formDecoded(text.slice(0, colon)), secret: formDecoded(text.slice(colon + 1)) }
}

/**
 * Both are form-encoded before they are joined. Many clients leave that out: what is no encoding stands for itself, and so
 * does a plus, since neither ids nor keys have spaces.
 */
function formDecoded(text: string): string {
  return new URLSearchParams(`x=${text.replaceAll('+', '%2B').replaceAll('&', '%26')}`).get('x')!
}
