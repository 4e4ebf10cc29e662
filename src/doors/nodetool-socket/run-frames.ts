import type { Envelope, TurnOutcome } from '#contracts/index.ts'
import type { Fields } from './codec.ts'
import { argsOf, jsonOf } from './message.ts'

/** What every frame of a run says of it. */
export interface RunAbout {
  job_id: string
  workflow_id: string | null
  thread_id: string | null
}

/** How a turn stands, as the status of a job. */
export const jobStatus: Record<'running' | TurnOutcome, string> = {
  running: 'running',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
  interrupted: 'failed',
  paused: 'suspended',
}

/** What happens within a workflow's run → NodeTool's update messages (CONTRACTS §2.5); undefined: no such event. */
export function runFrames({ event, path }: Pick<Envelope, 'event' | 'path'>, about: RunAbout): Fields[] | undefined {
  const node_id = path[0] ?? null
  switch (event.type) {
    case 'run-start':
      return [{ type: 'job_update', status: 'running', ...about }]
    case 'run-end':
      return [
        {
          type: 'job_update',
          status: jobStatus[event.outcome],
          result: event.result ?? null,
          error: event.error?.message ?? null,
          duration: event.durationMs / 1000,
          ...about,
        },
      ]
    case 'node-start':
      return [nodeUpdate(event, 'running', { properties: event.properties ?? {}, ...about })]
    case 'node-end':
      return [
        nodeUpdate(event, event.outcome === 'failed' ? 'failed' : 'completed', {
          result: event.output,
          error: event.error?.message ?? null,
          ...(event.outcome === 'skipped' && { skipped: true }),
          ...about,
        }),
      ]
    case 'node-progress':
      return [
        {
          type: 'node_progress',
          node_id: event.nodeId,
          progress: event.progress,
          total: event.total,
          chunk: event.chunk ?? '',
          ...about,
        },
      ]
    case 'node-output':
      return [
        {
          type: 'output_update',
          node_id: event.nodeId,
          node_name: event.nodeName,
          output_name: event.name,
          value: event.value,
          output_type: event.valueType,
          metadata: {},
          ...about,
        },
      ]
    case 'node-log':
      return [
        {
          type: 'log_update',
          node_id: event.nodeId,
          node_name: event.nodeName,
          content: event.content,
          severity: event.severity,
          ...about,
        },
      ]
    case 'edge-update':
      return [
        {
          type: 'edge_update',
          edge_id: event.edgeId,
          status: event.status,
          ...(event.counter !== undefined && { counter: event.counter }),
          ...about,
        },
      ]
    case 'plan-update':
      return [
        {
          type: 'planning_update',
          node_id,
          phase: event.phase,
          status: event.status,
          content: event.content ?? null,
          ...about,
        },
      ]
    case 'task-update':
      return [
        {
          type: 'task_update',
          node_id,
          task: { type: 'task', ...event.task },
          ...(event.step && { step: { type: 'step', ...event.step } }),
          event: event.event,
          ...about,
        },
      ]
    case 'tool-call':
      return [
        {
          type: 'tool_call_update',
          node_id,
          tool_call_id: event.callId,
          name: event.name,
          args: argsOf(event.arguments),
          message: null,
          ...about,
        },
      ]
    case 'tool-result':
      return [
        {
          type: 'tool_result_update',
          node_id,
          tool_call_id: event.callId,
          result: { name: event.name, result: jsonOf(event.result) },
          ...about,
        },
      ]
    default:
      return undefined
  }
}

function nodeUpdate(
  node: { nodeId: string; nodeName: string; nodeType: string },
  status: string,
  more: Fields,
): Fields {
  return {
    type: 'node_update',
    node_id: node.nodeId,
    node_name: node.nodeName,
    node_type: node.nodeType,
    status,
    ...more,
  }
}
