/**
 * The network that an address counts for: an IPv4 address itself, of IPv6 the first 64 bits, because one household
 * (or one attacker) has all addresses below them. What is not an address counts as it is.
 */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const bare = address.split('%', 1)[0]!.toLowerCase()
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(bare)
  if (mapped) return mapped[1]!
  const [front = '', back] = bare.split('::', 2)
  const head = front === '' ? [] : front.split(':')
  const tail = back === undefined || back === '' ? [] : back.split(':')
  // A dotted tail stands for two groups.
  const written = head.length + tail.length + (tail.at(-1)?.includes('.') ? 1 : 0)
  const zeros = back === undefined ? 0 : Math.max(0, 8 - written)
  const groups = [...head, ...Array<string>(zeros).fill('0'), ...tail].slice(0, 4)
  return `${groups.map((group) => group.replace(/^0+(?=.)/, '')).join(':')}::/64`
}
