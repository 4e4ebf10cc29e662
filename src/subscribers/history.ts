import type { ChatSettled } from '#contracts/index.ts'
import type { History } from '#features/history/index.ts'
import type { AfterCommit } from '#jobs/index.ts'
import type { OutboxEvent, Transaction } from '#store/index.ts'

export interface HistorySubscriberDeps {
  history: Pick<History, 'index' | 'ready'>
}

/** Gives settled turns their places in the history. */
export async function writeHistory(
  tx: Transaction,
  events: OutboxEvent[],
  { history, afterCommit }: HistorySubscriberDeps & { afterCommit: AfterCommit },
): Promise<void> {
  const turns = (events as unknown as ChatSettled[]).map((event) => event.turn)
  await history.index(tx, turns)
  afterCommit(history.ready)
}
