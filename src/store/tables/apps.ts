import type { Generated } from 'kysely'

export interface AppTables {
  apps: AppsTable
}

export interface AppsTable {
  id: Generated<number>
  public_id: string
  workspace_id: number
  slug: string
  name: string
  description: string
  type: 'chat' | 'workflow' | 'channel'
  access_token: string
  enabled: number
  /** JSON of features/apps AppConfig. */
  config: string
  created_by: number
  created_at: number
  updated_at: number
}
