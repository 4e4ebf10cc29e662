/**
 * Transcripts: a conversation as a PDF. Told what to show, it decides only how it looks: who may see a conversation, and
 * where the file goes, is not known here. Laying out runs in a process of its own, which is all that loads fonts.
 */
export type { TranscriptHead, TranscriptTurn } from './transcript.ts'
export { type Transcripts, type TranscriptsOptions, transcripts } from './transcripts.ts'
