import type { WorkspaceChange } from '#contracts/index.ts'
import type { AfterCommit } from '#jobs/index.ts'
import type { OutboxEvent, Transaction } from '#store/index.ts'

export interface BroadcastDeps {
  /** Tells who is connected to a workspace of what was changed in it. */
  announce(change: WorkspaceChange): void
}

/** Hands what was changed in a workspace to whoever is connected to it, in this process. Nothing of it is stored. */
export async function broadcast(
  _tx: Transaction,
  events: OutboxEvent[],
  { announce, afterCommit }: BroadcastDeps & { afterCommit: AfterCommit },
): Promise<void> {
  afterCommit(() => {
    for (const event of events as unknown as WorkspaceChange[]) announce(event)
  })
}
