import type { Scoped } from '../../gate/index.ts'
import type { AppDoorDeps } from '../deps.ts'
import { feedbackCounts } from './counts.ts'
import { feedbackExport } from './export.ts'
import { feedbackList } from './feedback.ts'
import { rateTurn } from './rate.ts'

/** What people think of turns and of the product: given by everybody, read by administrators. */
export function feedbackEndpoints(door: Scoped, deps: Pick<AppDoorDeps, 'feedback' | 'apps'>): void {
  rateTurn(door, deps)
  feedbackList(door, deps)
  feedbackExport(door, deps)
  feedbackCounts(door, deps)
}
