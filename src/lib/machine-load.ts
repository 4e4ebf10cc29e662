import { statfs } from 'node:fs/promises'
import { availableParallelism, freemem, loadavg, totalmem } from 'node:os'

/** How much of the machine is in use, by whomever, in per cent. */
export interface MachineLoad {
  cpu_percent: number
  memory_percent: number
  /** Of the file system that `folder` is on; null where it cannot be looked at. */
  disk_percent: number | null
}

export async function machineLoad(folder: string): Promise<MachineLoad> {
  return {
    // The load of the last minute: asking twice within a moment gives no moment in which nothing ran.
    cpu_percent: percent(Math.min(loadavg()[0]! / availableParallelism(), 1)),
    memory_percent: percent(1 - freemem() / totalmem()),
    disk_percent: await diskPercent(folder),
  }
}

/** As `df` counts: what only root may still fill is neither used nor free. */
async function diskPercent(folder: string): Promise<number | null> {
  try {
    const { blocks, bfree, bavail } = await statfs(folder)
    const used = blocks - bfree
    return percent(used + bavail === 0 ? 0 : used / (used + bavail))
  } catch {
    return null
  }
}

function percent(share: number): number {
  return Math.round(share * 1000) / 10
}
