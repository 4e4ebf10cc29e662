import { lookup as lookupOfNode } from 'node:dns/promises'
import type { LookupFunction } from 'node:net'
import { isIP } from 'node:net'
import { AppError, invalid } from '#errors/index.ts'
import { isPublicAddress, isWithin } from './addresses.ts'
import type { OutboundAllow } from './allow.ts'

export interface Resolved {
  address: string
  family: number
}

export interface GuardOptions {
  allow: OutboundAllow
  /** All addresses of a name; rejects when it has none. */
  lookup?(name: string): Promise<Resolved[]>
}

/** How long a check waits for a resolver; what it cannot tell in time is told when something is sent. */
const lookupMs = 3_000
/** Names that mean this machine or this network wherever they are asked for. */
const inside = /(^|\.)(localhost|local|internal|home\.arpa)$/

/** Decides where requests may go that a user asked for. Nothing of it is remembered: names change what they mean. */
export function guard({ allow, lookup = (name) => lookupOfNode(name, { all: true }) }: GuardOptions) {
  /**
   * A URL that something may be sent to, as far as that can be told now: a name without addresses passes. Throws
   * `invalid-request` for what is no such URL and `outbound-refused` for where nothing goes, naming `field`.
   */
  async function check(field: string, text: string): Promise<URL> {
    const url = URL.parse(text)
    if (!url || !/^https?:$/.test(url.protocol)) throw invalid(field, `'${field}' must be an http or https URL`)
    if (url.username !== '' || url.password !== '')
      throw invalid(field, `'${field}' must not contain a user or a password`)
    const host = hostOf(url.hostname)
    if (!mayBeAsked(host)) throw refused(field)
    if (isIP(host) === 0 && !allow.hosts.has(host)) {
      const late = new Promise<Resolved[]>((resolve) => setTimeout(resolve, lookupMs, []).unref())
      const found = await Promise.race([lookup(host).catch(() => []), late])
      if (!found.every(({ address }) => isOpen(address))) throw refused(field)
    }
    return url
  }

  /** Whether a host, as it stands in a URL, may be connected to: an address that is open, or a name that may be looked up. */
  function mayBeAsked(hostname: string): boolean {
    const host = hostOf(hostname)
    if (allow.hosts.has(host)) return true
    return isIP(host) === 0 ? !inside.test(host) : isOpen(host)
  }

  function isOpen(address: string): boolean {
    return isPublicAddress(address) || isWithin(allow.networks, address)
  }

  /** For sockets: gives the addresses of a name when all of them are open, so that it is these that are connected to. */
  const lookupOpen: LookupFunction = (hostname, options, callback) => {
    const family = options.family === 4 || options.family === 6 ? options.family : undefined
    lookup(hostname).then(
      (all) => {
        const found = all.filter((one) => family === undefined || one.family === family)
        const [first] = found
        const isAllowed = allow.hosts.has(hostOf(hostname))
        if (!isAllowed && !all.every(({ address }) => isOpen(address))) callback(refused('url'), [])
        else if (!first) callback(Object.assign(new Error('no address'), { code: 'ENOTFOUND' }), [])
        else if (options.all) callback(null, found)
        else callback(null, first.address, first.family)
      },
      (thrown: NodeJS.ErrnoException) => callback(thrown, []),
    )
  }

  return { check, mayBeAsked, lookupOpen }
}

export type Guard = ReturnType<typeof guard>

export function refused(field: string): AppError {
  return new AppError(
    'outbound-refused',
    `'${field}' leads to an address that is not public; PARLEY_OUTBOUND_ALLOW can allow it`,
    { details: { field } },
  )
}

/** Without the brackets of IPv6 and the dot of a complete name. */
function hostOf(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
}
