import { BlockList, isIP } from 'node:net'

/** IPv4 networks that are not the internet's: RFC 6890 and its successors, and a metadata service outside of them. */
const closed4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16/32',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
]
/** All of IPv6 that is given out: whatever carries an IPv4 address in another way (mapped, NAT64) lies outside. */
const open6 = '2000::/3'
/** Within it: IETF's own (with Teredo), documentation, 6to4. */
const closed6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']

const closed = networks([...closed4, ...closed6])
const open = networks([open6])

/** Networks written with their prefix, to be asked for addresses of both families. */
export function networks(cidrs: readonly string[]): BlockList {
  const list = new BlockList()
  for (const cidr of cidrs) {
    const [address, prefix] = cidr.split('/') as [string, string]
    list.addSubnet(address, Number(prefix), isIP(address) === 6 ? 'ipv6' : 'ipv4')
  }
  return list
}

/** Whether an address, as a resolver gives it, is one of the internet. What is no address is not; nor is one with a zone. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 4) return !closed.check(address, 'ipv4')
  return isPlainIpv6(address) && open.check(address, 'ipv6') && !closed.check(address, 'ipv6')
}

export function isWithin(list: BlockList, address: string): boolean {
  return isIP(address) === 4 ? list.check(address, 'ipv4') : isPlainIpv6(address) && list.check(address, 'ipv6')
}

function isPlainIpv6(address: string): boolean {
  return isIP(address) === 6 && !address.includes('%')
}
