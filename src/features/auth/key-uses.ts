import { addUses } from '#features/keys/index.ts'
import type { Database } from '#store/index.ts'

/** Counts the uses of keys in memory, so that a request writes nothing for them; `flush` writes what was counted. */
export function keyUses(deps: { database: Database; now(): number }) {
  let counted = new Map<number, { uses: number; lastUsedAt: number }>()

  function add(keyId: number, uses: number, lastUsedAt: number): void {
    const entry = counted.get(keyId)
    if (!entry) return void counted.set(keyId, { uses, lastUsedAt })
    entry.uses += uses
    entry.lastUsedAt = Math.max(entry.lastUsedAt, lastUsedAt)
  }

  return {
    count: (keyId: number): void => add(keyId, 1, deps.now()),

    /** Throws what the database throws; what could not be written is still counted then. */
    async flush(): Promise<void> {
      if (counted.size === 0) return
      const taken = counted
      counted = new Map()
      try {
        await deps.database.write(async (tx) => {
          for (const [keyId, { uses, lastUsedAt }] of taken) await addUses(tx, keyId, uses, lastUsedAt)
        })
      } catch (thrown) {
        for (const [keyId, { uses, lastUsedAt }] of taken) add(keyId, uses, lastUsedAt)
        throw thrown
      }
    },
  }
}

export type KeyUses = ReturnType<typeof keyUses>
