import type { Hold } from './holds.ts'
import type { ErasureView } from './store.ts'
import { iso } from './text-store.ts'

export function presentErasure(erasure: ErasureView) {
  return {
    id: erasure.id,
    user_id: erasure.userId,
    status: erasure.status,
    anonymised: erasure.anonymised,
    workspace_id: erasure.workspaceId,
    requested_at: iso(erasure.requestedAt),
    completed_at: iso(erasure.completedAt),
    removed: erasure.removed,
    kept: erasure.kept,
    held: Object.keys(erasure.kept).length > 0,
  }
}

export function presentHold(hold: Hold) {
  return {
    id: hold.id,
    reason: hold.reason,
    application_id: hold.applicationId,
    session_id: hold.sessionId,
    created_by: hold.createdBy,
    created_at: iso(hold.createdAt),
    lifted_at: iso(hold.liftedAt),
  }
}
