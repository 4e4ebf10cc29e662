import type { GuardrailCheck, Principal } from '#contracts/index.ts'
import { AppError, invalid } from '#errors/index.ts'
import type { Apps } from '#features/apps/index.ts'
import type { Workspaces } from '#features/workspaces/index.ts'
import { plainText } from '#lib/text.ts'
import { isUuid, uuidv7 } from '#lib/uuid.ts'
import type { Database, Transaction } from '#store/index.ts'
import { type Config, readCheck, readKind } from './check.ts'
import type { GuardrailLookup } from './lookup.ts'
import { requireGuardian } from './policy.ts'
import type { GuardrailRule, RuleScope } from './rule.ts'
import { deleteRuleRow, findRuleRow, insertRule, listRuleRows, updateRuleRow, weighRules } from './store.ts'
import type { BookCall, Trial, TryRules } from './trial.ts'
import { listViolationRows, type Violation, type ViolationFilter } from './violations.ts'

export interface GuardrailsDeps {
  database: Database
  now(): number
  workspaces: Pick<Workspaces, 'get'>
  apps: Pick<Apps, 'get'>
  /** Why a check can be no rule's, with the field of its config; undefined: it can. */
  checkProblem(check: GuardrailCheck): Promise<{ field: string; problem: string } | undefined>
  tryRules: TryRules
  bookCall: BookCall
  /** Whether there is a model of this name. */
  hasModel(name: string): boolean
  /** Whether there is an upstream of this name that can be asked for its moderation. */
  hasModeration(upstream: string): boolean
}

export interface VerbDeps extends GuardrailsDeps {
  lookup: GuardrailLookup
}

/** Where a caller wants rules of, by id (or slug, of an app). */
export type Place = { workspace: string } | { app: string }

export interface GuardrailInput {
  name: string
  kind: string
  where: string
  action: string
  enabled?: boolean | undefined
  config?: Config | undefined
}

const mostRules = 50
/** Characters of all configs under one workspace or app: every turn that they hold for may have them in memory. */
const mostConfig = 200_000
const mostText = 100_000

/** Throws `forbidden` for who is no administrator, `conflict` when there are fifty already. */
export async function createGuardrail(
  deps: VerbDeps,
  principal: Principal,
  place: Place,
  input: GuardrailInput,
): Promise<GuardrailRule> {
  const scope = await scopeOf(deps, principal, place)
  const kind = readKind(input.kind)
  const check = await checkedCheck(deps, readCheck(kind, input.config ?? {}))
  const rule = {
    publicId: uuidv7(deps.now()),
    scope,
    name: readName(input.name),
    where: readWhere(input.where, check),
    action: readAction(input.action),
    enabled: input.enabled ?? true,
    check,
    createdBy: principal.user.id,
    now: deps.now(),
  }
  await deps.database
    .write(async (tx) => {
      const { rules } = await weighRules(tx, scope)
      if (rules >= mostRules) throw new AppError('conflict', `There may be ${mostRules} guardrails here, and there are`)
      await insertRule(tx, rule)
      await requireWeight(tx, scope)
    })
    .finally(deps.lookup.forget)
  return found(deps, scope, rule.publicId)
}

export async function listGuardrails(deps: VerbDeps, principal: Principal, place: Place): Promise<GuardrailRule[]> {
  return listRuleRows(deps.database, await scopeOf(deps, principal, place))
}

export async function getGuardrail(
  deps: VerbDeps,
  principal: Principal,
  place: Place,
  id: string,
): Promise<GuardrailRule> {
  return found(deps, await scopeOf(deps, principal, place), id)
}

/** Changes what is given and leaves the rest; a config is given as a whole. The kind stays what it is. */
export async function updateGuardrail(
  deps: VerbDeps,
  principal: Principal,
  place: Place,
  id: string,
  change: Partial<GuardrailInput>,
): Promise<GuardrailRule> {
  const scope = await scopeOf(deps, principal, place)
  const rule = await found(deps, scope, id)
  const { kind } = rule.check
  if (change.kind !== undefined && change.kind !== kind)
    throw invalid('kind', "'kind' of a guardrail cannot be changed")
  const check = change.config === undefined ? rule.check : await checkedCheck(deps, readCheck(kind, change.config))
  const values = {
    name: change.name === undefined ? rule.name : readName(change.name),
    direction: readWhere(change.where ?? rule.where, check),
    action: readAction(change.action ?? rule.action),
    enabled: (change.enabled ?? rule.enabled) ? 1 : 0,
    config: JSON.stringify(check),
    // Later than what was read, so that a second writer who read the same row notices.
    updated_at: Math.max(deps.now(), rule.updatedAt + 1),
  }
  const updated = await deps.database
    .write(async (tx) => {
      const done = await updateRuleRow(tx, rule, values)
      await requireWeight(tx, scope)
      return done
    })
    .finally(deps.lookup.forget)
  if (!updated) throw new AppError('conflict', 'The guardrail was changed at the same moment')
  return found(deps, scope, id)
}

/** Violations of it remain. */
export async function removeGuardrail(deps: VerbDeps, principal: Principal, place: Place, id: string): Promise<void> {
  const rule = await found(deps, await scopeOf(deps, principal, place), id)
  await deps.database.write((tx) => deleteRuleRow(tx, rule.id)).finally(deps.lookup.forget)
}

/** What would happen to a text. Stores nothing of it; what it costs to ask a judge is booked. */
export async function tryGuardrails(
  deps: VerbDeps,
  principal: Principal,
  place: Place,
  given: { text: string; where: string },
): Promise<Trial> {
  const scope = await scopeOf(deps, principal, place)
  if (given.where !== 'input' && given.where !== 'output') throw invalid('where', "'where' must be input or output")
  if (given.text.length > mostText) throw invalid('text', `'text' must have at most ${mostText} characters`)
  const rules = await deps.lookup.forTurn(scope.workspaceId, scope.app?.id)
  const trial = await deps.tryRules(rules, given.text, given.where)
  const payer = { workspaceId: scope.workspaceId, userId: principal.user.id, keyId: principal.key?.id ?? null }
  for (const call of trial.calls) await deps.bookCall(payer, { ...call, purpose: 'guardrails' })
  return trial
}

/** What was found in the turns of a workspace. */
export async function listViolations(
  deps: VerbDeps,
  principal: Principal,
  workspaceId: string,
  filter: Omit<ViolationFilter, 'appId'> & { app?: string | undefined },
): Promise<Violation[]> {
  const scope = await scopeOf(deps, principal, { workspace: workspaceId })
  const { app: named, ...rest } = filter
  const app = named === undefined ? undefined : await deps.apps.get(principal, named)
  if (app && app.workspace.id !== scope.workspaceId) throw new AppError('not-found', 'Application not found')
  return listViolationRows(deps.database, scope.workspaceId, { ...rest, ...(app && { appId: app.id }) })
}

/** Throws `not-found` for what the caller has no part in, and `forbidden` for who is no administrator of it. */
async function scopeOf(deps: VerbDeps, principal: Principal, place: Place): Promise<RuleScope> {
  if ('workspace' in place) {
    const workspace = await deps.workspaces.get(principal, place.workspace)
    requireGuardian(principal, workspace.role)
    return { workspaceId: workspace.ref.id }
  }
  const app = await deps.apps.get(principal, place.app)
  requireGuardian(principal, principal.role)
  return { workspaceId: app.workspace.id, app: { id: app.id, publicId: app.publicId } }
}

async function found(deps: VerbDeps, scope: RuleScope, id: string): Promise<GuardrailRule> {
  const rule = isUuid(id) ? await findRuleRow(deps.database, scope, id.toLowerCase()) : undefined
  if (!rule) throw new AppError('not-found', 'Guardrail not found')
  return rule
}

/** What the form of a check does not tell: whether its expression compiles, and whether whom it asks is there. */
async function checkedCheck(deps: VerbDeps, check: GuardrailCheck): Promise<GuardrailCheck> {
  const refused = await deps.checkProblem(check)
  if (refused) throw invalid(`config.${refused.field}`, `config.${refused.field} ${refused.problem}`)
  if (check.kind === 'judge' && !deps.hasModel(check.model))
    throw invalid('config.model', `config.model: there is no model ${JSON.stringify(check.model)}`)
  if (check.kind === 'endpoint' && !deps.hasModeration(check.upstream))
    throw invalid('config.upstream', 'config.upstream must name an upstream of the kind openai-compatible')
  return check
}

async function requireWeight(tx: Transaction, scope: RuleScope): Promise<void> {
  const { characters } = await weighRules(tx, scope)
  if (characters > mostConfig)
    throw new AppError('too-large', `All guardrails here together may have ${mostConfig} characters of config`, {
      details: { field: 'config' },
    })
}

function readName(name: string): string {
  return plainText('name', name, 100)
}

function readWhere(where: string, { kind }: GuardrailCheck): GuardrailRule['where'] {
  if (kind === 'injection' && where !== 'input')
    throw invalid('where', "'where' of a guardrail of kind injection must be input")
  if (where === 'input' || where === 'output' || where === 'both') return where
  throw invalid('where', "'where' must be one of input, output, both")
}

function readAction(action: string): GuardrailRule['action'] {
  if (action === 'block' || action === 'mask' || action === 'flag') return action
  throw invalid('action', "'action' must be one of block, mask, flag")
}
