import type { Ref, WorkspaceRole } from './principal.ts'

/*
 * What rooms tell the subscribers besides `turn-settled`: ids and figures, no contents. Types, not interfaces: only
 * these fit the open record that the outbox takes.
 */

/** Somebody became a member, got another role, or is a member no more (then `role` is the one that was lost). */
export type MemberChanged = {
  type: 'member-changed'
  change: 'added' | 'role' | 'removed'
  workspace: Ref
  member: Ref
  role: WorkspaceRole
  actor: Ref
  /** Unix ms. */
  at: number
}

export type AppChanged = {
  type: 'app-changed'
  change: 'created' | 'updated' | 'deleted' | 'token-rotated'
  workspace: Ref
  /** Its public id. */
  appId: string
  actor: Ref
  at: number
}

/** What who is connected to a workspace is told of it. */
export type WorkspaceChange = MemberChanged | AppChanged

/** A turn that belongs to an app or a conversation has been settled. */
export type ChatSettled = {
  type: 'chat-settled'
  /** Its key. */
  turn: number
}

/** A run of a workflow is over; told of runs that somebody with an account started. */
export type WorkflowSettled = {
  type: 'workflow-settled'
  workspaceId: number
  userId: number
  appId: number
  /** Public id. */
  turnId: string
  status: 'completed' | 'failed' | 'cancelled' | 'interrupted' | 'paused'
}

/** What a workspace has spent came to `percent` of its budget. */
export type BudgetCrossed = {
  type: 'budget-crossed'
  workspaceId: number
  percent: number
  budgetMicros: number
  spentMicros: number
}

/** An upstream was given up for a while, or is asked again. */
export type CircuitChanged = {
  type: 'circuit-changed'
  upstream: string
  state: 'open' | 'closed'
  at: number
}

/** A guardrail found something in a turn. */
export type GuardrailHit = {
  type: 'guardrail-hit'
  workspaceId: number
  appId: number | null
  /** Public ids. */
  turnId: string
  ruleId: string
  /** Its name. */
  rule: string
  where: 'input' | 'output'
  /** Public id of the violation. */
  violationId: string
  /** What was found was replaced. */
  redacted: boolean
}

/** A conversation was begun in a workspace that has a webhook. */
export type ConversationCreated = {
  type: 'conversation-created'
  workspaceId: number
  /** Its key. */
  conversation: number
  at: number
}

/** An account was made while a webhook listens to what concerns the server. */
export type UserRegistered = {
  type: 'user-registered'
  /** Its key. */
  user: number
  at: number
}

/** The server gave up a webhook. */
export type WebhookDisabled = {
  type: 'webhook-disabled'
  workspaceId: number
  /** Public id. */
  webhookId: string
  reason: 'gone' | 'failing'
  at: number
}

/** What another subscriber was told, passed on because a webhook may want it. */
export type WebhookRelay = {
  type: 'webhook-relay'
  event: ChatSettled | WorkflowSettled | BudgetCrossed | CircuitChanged | GuardrailHit | MemberChanged
}
