import type { Principal } from '#contracts/index.ts'
import type { Apps } from '#features/apps/index.ts'
import type { Conversations } from '#features/conversations/index.ts'
import type { Feedback } from '#features/feedback/index.ts'
import type { History, TranscriptFiles } from '#features/history/index.ts'
import type { Upstreams } from '#features/upstreams/index.ts'
import type { Turns } from '#turns/index.ts'

/** A stored file that a turn may be given. */
export interface NamedFile {
  id: string
  name: string
  mediaType: string
}

/** What Kadal's door needs of the house. */
export interface KadalDoorDeps {
  turns: Turns
  apps: Pick<Apps, 'find'>
  conversations: Pick<Conversations, 'clear'>
  history: Pick<History, 'page'>
  transcriptFiles: TranscriptFiles
  feedback: Pick<Feedback, 'submit'>
  upstreams: Pick<Upstreams, 'findModel'>
  /** Finds what the principal may use of the stored files, by `object_id`. */
  files: { find(principal: Principal, objectId: string): Promise<NamedFile | undefined> }
}
