/** Written after a turn has ended, so that what was said is paged and searched without reading turns. */
export interface HistoryTables {
  history_rows: HistoryRowsTable
  history_texts: HistoryTextsTable
  history_places: HistoryPlacesTable
  history_counts: HistoryCountsTable
  history_slots: HistorySlotsTable
}

/** An ended turn in the history of its place: its app's id, or minus its workspace's where a conversation has no app. */
export interface HistoryRowsTable {
  turn_id: number
  place: number
  /** From 1 in the order of ends. What was removed leaves a gap. */
  n: number
  user_id: number
  conversation_id: number | null
  object_id: string | null
  external_user_id: string | null
  /** 1: said to switch tools or the model. */
  tool_event: number
  visitor: number
}

/** What can be searched of a turn: question and answer, folded, with U+0001 between them. */
export interface HistoryTextsTable {
  turn_id: number
  text: string
}

export interface HistoryPlacesTable {
  place: number
  last_n: number
  /** Segments that are ready to be searched. */
  sealed: number
}

/** How many rows each 1,024 numbers hold. `user_id` 0: of everybody; else of this user, without visitors. */
export interface HistoryCountsTable {
  place: number
  user_id: number
  bucket: number
  rows: number
  tool_events: number
}

/** Which rows of a segment have a letter sequence of this slot (features/history/postings.ts). */
export interface HistorySlotsTable {
  place: number
  segment: number
  slot: number
  rows: Uint8Array
}
