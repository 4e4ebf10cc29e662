import type { AppChanged, MemberChanged, WorkspaceChange } from '#contracts/index.ts'
import { invalid } from '#errors/index.ts'
import { type Fields, optional, required } from './frames.ts'

/** What a member may say: a ping, or that something was changed, for the others to look at (CONTRACTS §1.7). */
export type ClientFrame = { type: 'ping' } | { type: 'relay'; frame: RelayedFrame }

/** Without who says it and when: that the server adds, whatever the client claims. */
export type RelayedFrame = { type: string; action: string } & Record<string, string>

/** Throws `invalid-request` naming the field. Fields that are not known are not passed on. */
export function decodeFrame(given: Fields): ClientFrame {
  const action = (fallback: string) => optional(given, 'action') ?? fallback
  switch (given.type) {
    case 'ping':
      return { type: 'ping' }
    case 'document_updated':
      return relay({ type: given.type, document_id: required(given, 'document_id'), action: action('edited') })
    case 'application_changed':
      return relay({ type: given.type, application_id: required(given, 'application_id'), action: action('updated') })
    case 'member_added':
      // The documents call whom they mean `user_id`, which on the way out is who says it.
      return relay({
        type: given.type,
        member_id: optional(given, 'member_id') ?? required(given, 'user_id'),
        action: action('added'),
      })
    default:
      throw invalid('type', 'type must be one of document_updated, application_changed, member_added, ping')
  }
}

function relay(frame: RelayedFrame): ClientFrame {
  return { type: 'relay', frame }
}

export interface Said {
  /** Who did it. */
  userId: string
  workspaceId: string
  timestamp: string
}

export function relayedFrame(frame: RelayedFrame, said: Said): string {
  return sealed(frame, said, 'client')
}

/** What was changed through another door. */
export function changeFrame(change: WorkspaceChange): string {
  const said = {
    userId: change.actor.publicId,
    workspaceId: change.workspace.publicId,
    timestamp: new Date(change.at).toISOString(),
  }
  return sealed(change.type === 'app-changed' ? ofApp(change) : ofMember(change), said, 'server')
}

export function presenceFrame(type: 'user_joined' | 'user_left', said: Said): string {
  return JSON.stringify({ type, user_id: said.userId, workspace_id: said.workspaceId, timestamp: said.timestamp })
}

function ofApp({ change, appId }: AppChanged) {
  return { type: 'application_changed', application_id: appId, action: change.replace('-', '_') }
}

const memberTypes = { added: 'member_added', role: 'member_updated', removed: 'member_removed' } as const
const memberActions = { added: 'added', role: 'role_changed', removed: 'removed' } as const

function ofMember({ change, member, role }: MemberChanged) {
  return { type: memberTypes[change], member_id: member.publicId, role, action: memberActions[change] }
}

/** `source` tells what the server knows from what a member says. */
function sealed(frame: object, { userId, workspaceId, timestamp }: Said, source: 'server' | 'client'): string {
  return JSON.stringify({ ...frame, user_id: userId, workspace_id: workspaceId, source, timestamp })
}
