import type { IncomingMessage } from 'node:http'
import { AppError, invalid } from '#errors/index.ts'

/** The version of RFC 6455; drafts before it have other frames. */
export const webSocketVersion = '13'

export const webSocketOnly = () => new AppError('upgrade-required', 'This path speaks WebSocket only')

const keyOf16Bytes = /^[A-Za-z0-9+/]{22}==$/
const word = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/**
 * Why a request to a socket's path is no opening handshake (RFC 6455 §4.2.1): `upgrade-required` when it wants something else
 * than a WebSocket of this version, `invalid-request` naming the header when it wants one and says it wrongly. Undefined: it
 * is one.
 */
export function handshakeFault({ method, httpVersionMajor, httpVersionMinor, headers }: IncomingMessage) {
  const old = httpVersionMajor < 1 || (httpVersionMajor === 1 && httpVersionMinor < 1)
  if (method !== 'GET' || old || headers.upgrade?.toLowerCase() !== 'websocket' || !asksForUpgrade(headers.connection))
    return webSocketOnly()
  if (headers['sec-websocket-version'] !== webSocketVersion)
    return new AppError('upgrade-required', `Sec-WebSocket-Version must be ${webSocketVersion}`, {
      details: { field: 'sec-websocket-version' },
    })
  if (headers.host === undefined) return invalid('host', 'The Host header is missing', 'missing')
  if (!keyOf16Bytes.test(headers['sec-websocket-key'] ?? ''))
    return invalid('sec-websocket-key', 'Sec-WebSocket-Key must be 16 bytes in base64', 'malformed')
  const protocols = headers['sec-websocket-protocol']
  if (protocols !== undefined && !listOf(protocols, ',').every((name) => word.test(name)))
    return invalid('sec-websocket-protocol', 'Sec-WebSocket-Protocol must be a list of names', 'malformed')
  const extensions = headers['sec-websocket-extensions']
  if (extensions !== undefined && !offersOf(extensions))
    return invalid('sec-websocket-extensions', 'Sec-WebSocket-Extensions must be a list of offers', 'malformed')
  return undefined
}

/**
 * The first offer of permessage-deflate that can be kept, as one header line. Others are declined by saying nothing of them
 * (RFC 7692 §7.1); the library would refuse the whole handshake.
 */
export function keepableOffer(header: string): string | undefined {
  const offer = offersOf(header)?.find(
    ({ name, parameters }) => name === 'permessage-deflate' && areKeepable(parameters),
  )
  if (!offer) return undefined
  return [
    offer.name,
    ...offer.parameters.map(([name, value]) => (value === undefined ? name : `${name}=${value}`)),
  ].join('; ')
}

interface Offer {
  name: string
  parameters: [name: string, value: string | undefined][]
}

/** RFC 6455 §9.1; undefined for what does not follow its grammar. */
function offersOf(header: string): Offer[] | undefined {
  const offers: Offer[] = []
  for (const text of listOf(header, ',')) {
    const [name = '', ...rest] = listOf(text, ';')
    const parameters = rest.map((parameter): [string, string | undefined] => {
      const equals = parameter.indexOf('=')
      if (equals < 0) return [parameter, undefined]
      return [parameter.slice(0, equals), unquoted(parameter.slice(equals + 1))]
    })
    const words = [name, ...parameters.flat().filter((part) => part !== undefined)]
    if (!words.every((part) => word.test(part))) return undefined
    offers.push({ name, parameters })
  }
  return offers
}

/** What stands between quotation marks must be a word too, so there is nothing to unescape. */
function unquoted(value: string): string {
  return value.length > 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
}

const windowBits = /^([89]|1[0-5])$/
/** The parameters of RFC 7692 §7.1, and which values they may have. */
const keepable: Record<string, RegExp | undefined> = {
  server_no_context_takeover: undefined,
  client_no_context_takeover: undefined,
  server_max_window_bits: windowBits,
  client_max_window_bits: windowBits,
}

function areKeepable(parameters: Offer['parameters']): boolean {
  const names = new Set(parameters.map(([name]) => name))
  return (
    names.size === parameters.length &&
    parameters.every(([name, value]) => {
      if (!Object.hasOwn(keepable, name)) return false
      // The client may offer to accept a size that we choose, and then names none.
      if (value === undefined) return name !== 'server_max_window_bits'
      return keepable[name]?.test(value) === true
    })
  )
}

function asksForUpgrade(connection: string | undefined): boolean {
  return listOf(connection ?? '', ',').some((name) => name.toLowerCase() === 'upgrade')
}

const listOf = (header: string, separator: string) => header.split(separator).map((part) => part.trim())
