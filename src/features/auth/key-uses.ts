import { addUses } from '#features/keys/index.ts'
import type { Database } from '#store/index.ts'

/** Counts the uses of keys in memory, so that a request writes nothing for them; `flush` writes what was counted. */
export function keyUses(deps: { database: Database; now(): number }) {
  let counted = new Map<number, { uses: number; lastUsedAt: number }>()

  return {
    count(keyId: number): void {
      const entry = counted.get(keyId)
      if (entry) {
        entry.uses++
        entry.lastUsedAt = deps.now()
      } else counted.set(keyId, { uses: 1, lastUsedAt: deps.now() })
    },

    async flush(): Promise<void> {
      if (counted.size === 0) return
      const taken = counted
      counted = new Map()
      await deps.database.write(async (tx) => {
        for (const [keyId, { uses, lastUsedAt }] of taken) await addUses(tx, keyId, uses, lastUsedAt)
      })
    },
  }
}

export type KeyUses = ReturnType<typeof keyUses>
