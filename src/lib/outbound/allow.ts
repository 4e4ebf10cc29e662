import { type BlockList, isIP } from 'node:net'
import { networks } from './addresses.ts'

/** What the operator lets requests go to although it is not public. */
export interface OutboundAllow {
  /** Lower case. */
  hosts: ReadonlySet<string>
  networks: BlockList
}

/** Host names, addresses and networks, separated by commas. Undefined when one of them is none of these. */
export function readOutboundAllow(text: string): OutboundAllow | undefined {
  const hosts = new Set<string>()
  const cidrs: string[] = []
  for (const entry of text.split(',').map((one) => one.trim().toLowerCase())) {
    if (entry === '') continue
    const [, bare = entry] = /^\[(.*)\]$/.exec(entry) ?? []
    const [address = '', prefix, ...rest] = bare.split('/')
    const family = isIP(address)
    const bits = family === 4 ? 32 : 128
    if (family !== 0 && rest.length === 0 && !address.includes('%')) {
      if (prefix !== undefined && !(/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits)) return undefined
      cidrs.push(`${address}/${prefix ?? bits}`)
    } else if (isHostName(entry)) hosts.add(entry)
    else return undefined
  }
  return { hosts, networks: networks(cidrs) }
}

/** As it would stand in a URL; `127.1` would be an address there, and is none here. */
function isHostName(text: string): boolean {
  return /^[a-z0-9._-]{1,253}$/.test(text) && URL.parse(`http://${text}/`)?.hostname === text && !/^[\d.]+$/.test(text)
}
