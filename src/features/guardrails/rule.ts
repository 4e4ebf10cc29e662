import type { Guardrail } from '#contracts/index.ts'

/** A rule as administrators see it. */
export interface GuardrailRule extends Guardrail {
  enabled: boolean
  /** Public id of the app that it belongs to; absent: of the workspace. */
  appId?: string
  createdAt: number
  updatedAt: number
}

/** What rules belong to: a workspace, or one of its apps. */
export interface RuleScope {
  workspaceId: number
  app?: { id: number; publicId: string }
}
