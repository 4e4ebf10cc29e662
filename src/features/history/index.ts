/**
 * What was said, as a history: rows in the order of ends, pages that cost the same however deep, text search in any
 * script. It reads turns and conversations and writes neither; who may see what is decided here (`selection.ts`).
 */
export type { HistoryEntry } from './entry.ts'
export { type History, type HistoryDeps, type HistoryPage, history, type PageAsk } from './history.ts'
export type { HistoryFilter } from './selection.ts'
export { type TranscriptFiles, transcriptFiles } from './transcript-files.ts'
