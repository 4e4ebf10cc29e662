import type { TranscriptHead, TranscriptTurn } from './transcript.ts'

/** `head` comes first; `turns` answers `need`; `taken` says that a chunk has gone on, and the next may come. */
export type FromOwner =
  | { type: 'head'; head: TranscriptHead }
  | { type: 'turns'; turns: TranscriptTurn[]; last: boolean }
  | { type: 'taken' }

export type FromWorker = { type: 'need' } | { type: 'chunk'; bytes: Uint8Array } | { type: 'end' }
