import { describe, expect, it } from 'vitest'
import { databaseKinds, useDatabase } from '#test/support/databases.ts'
import { textColumns } from '#test/support/text-columns.ts'
import { otherColumns, textStores } from './index.ts'

const stores = textStores({ history: { forget: async () => undefined } })

for (const kind of databaseKinds)
  describe(`what is said of the tables on ${kind}`, () => {
    const db = useDatabase(kind)

    it('speaks for every column of text, once, and for no other', async () => {
      const spoken: string[] = []
      for (const list of [...stores.map((store) => store.holds), otherColumns])
        for (const [table, columns] of Object.entries(list))
          spoken.push(...columns.map((column) => `${table}.${column}`))
      const found = [...(await textColumns(db.database))].flatMap(([table, columns]) =>
        columns.map((column) => `${table}.${column}`),
      )
      expect(spoken.sort()).toEqual(found.sort())
    })
  })
