import type { RetentionDeps } from './deps.ts'

/** Copies of what was said, under the workspace's id. */
const prefixes = ['transcripts/']

/**
 * Removes a workspace's files that were made up to `until`. Transcripts are copies of many people's words: where anything
 * of the workspace is under hold, all of them stay.
 */
export async function eraseFiles(
  deps: Pick<RetentionDeps, 'database' | 'blobs'>,
  workspace: { id: number; publicId: string },
  until: number,
): Promise<{ removed: number; kept: number }> {
  let removed = 0
  let kept = 0
  for (const prefix of prefixes)
    for (let after: string | undefined; ; ) {
      const page = await deps.blobs.list(`${workspace.publicId}/${prefix}`, after === undefined ? {} : { after })
      for (const { key, modifiedAtMs } of page.items) {
        if (modifiedAtMs > until) continue
        if (await isHeld(deps, workspace.id)) kept++
        else {
          await deps.blobs.remove(key)
          removed++
        }
      }
      if (page.next === undefined) break
      after = page.next
    }
  return { removed, kept }
}

async function isHeld({ database }: Pick<RetentionDeps, 'database'>, workspaceId: number): Promise<boolean> {
  const row = await database.read
    .selectFrom('legal_holds')
    .select('id')
    .where('workspace_id', '=', workspaceId)
    .where('lifted_at', 'is', null)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}
