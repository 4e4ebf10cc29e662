import type { Generated } from 'kysely'

export interface JobTables {
  jobs: JobsTable
}

export interface JobsTable {
  id: Generated<number>
  kind: string
  payload: string
  run_at: number
  attempts: number
  /** 1: given up after too many attempts. */
  dead: number
  error: string | null
  created_at: number
}
