/** CPU time and memory of another process, as the kernel counts them. */
import { readFileSync } from 'node:fs'

/** The unit of /proc/<pid>/stat; a kernel constant for user space on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

/** User and system time of all threads, in microseconds; steps of 10 ms. */
export function cpuMicros(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1_000_000) / TICKS_PER_SECOND
}

export function rssKilobytes(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(match?.[1])
}

/** Time that a core was busy, in microseconds; interrupts are in, since processes are charged for them. */
export function coreMicros(core: number): number {
  const line = new RegExp(`^cpu${core} (.*)$`, 'm')
    .exec(readFileSync('/proc/stat', 'utf8'))?.[1]
    ?.split(' ')
    .map(Number)
  if (!line) return Number.NaN
  const [user = 0, nice = 0, system = 0, , , interrupts = 0, softInterrupts = 0, steal = 0] = line
  const busy = user + nice + system + interrupts + softInterrupts + steal
  return (busy * 1_000_000) / TICKS_PER_SECOND
}
