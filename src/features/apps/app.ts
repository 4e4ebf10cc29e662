import type { Ref } from '#contracts/index.ts'
import type { AppConfig } from './config.ts'

export const appTypes = ['chat', 'workflow', 'channel'] as const
export type AppType = (typeof appTypes)[number]

/** An app as turns and doors use it. Cached and shared: never changed in place. */
export interface App {
  id: number
  publicId: string
  workspace: Ref
  slug: string
  name: string
  description: string
  type: AppType
  enabled: boolean
  accessToken: string
  config: AppConfig
  createdBy: Ref & { disabled: boolean }
  createdAt: number
  updatedAt: number
}
