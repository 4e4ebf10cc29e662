import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CircuitChanged, GuardrailHit, Principal, WorkflowSettled, WorkspaceChange } from '#contracts/index.ts'
import { type Notifications, notifications } from '#features/notifications/index.ts'
import { jobQueue } from '#jobs/index.ts'
import type { OutboxEvent } from '#store/index.ts'
import { databaseKinds } from '#test/support/databases.ts'
import { refused } from '#test/support/refusal.ts'
import { finish, scriptedModel } from '#test/support/scripted-model.ts'
import { asks, type TurnHouse, turnHouse } from '#test/support/turn-house.ts'
import { subscriberJobs, subscribersOf } from './index.ts'

/** A micro a token, both ways. */
const price = { input: 1_000_000, output: 1_000_000 }

for (const kind of databaseKinds)
  describe(`what people are told on ${kind}`, () => {
    let house: TurnHouse
    let room: Notifications
    let queue: ReturnType<typeof jobQueue>
    const clock = { now: Date.now() }
    const rung: number[] = []
    const announced: WorkspaceChange[] = []
    const errors: object[] = []
    beforeAll(async () => {
      house = await turnHouse(kind, { price, subscribersOf })
      const now = () => clock.now
      room = notifications({ database: house.database, now, log: { warn: () => undefined } })
      const ringing = { ...room, ring: (users: Iterable<number>) => void rung.push(...users) }
      queue = jobQueue({
        database: house.database,
        handlers: subscriberJobs({
          notifications: ringing,
          history: { index: async () => undefined, ready: () => undefined },
          webhooks: { ring: () => undefined },
          now,
          announce: (change) => {
            // What is announced is there for everybody to read.
            announced.push(change)
          },
        }),
        now: () => Number.MAX_SAFE_INTEGER,
        random: Math.random,
        log: { error: (fields) => void errors.push(fields) },
        lookEveryMs: 60_000,
        gatherMs: 0,
      })
    })
    afterAll(async () => {
      await queue.close()
      await house.close()
      expect(errors).toEqual([])
    })

    const tell = async (...events: OutboxEvent[]) => {
      await house.database.write((tx) => {
        for (const event of events) tx.tell(event)
      })
      await queue.runDue()
    }
    const told = async (who: Principal) => {
      await queue.runDue()
      const { notifications: all } = await room.list(who, { unread: false, limit: 100 })
      return all.reverse()
    }
    const kinds = async (who: Principal) => (await told(who)).map((one) => one.kind)
    const person = async (name: string) => (await house.rooms.person(name)).principal

    /** A workspace with an owner, an administrator and a member, whom nobody was told of. */
    async function team() {
      const [owner, admin, member] = [await person('owner'), await person('admin'), await person('member')]
      const { workspaces } = house.rooms
      const ws = owner.workspace.publicId
      await workspaces.addMember(owner, ws, { user: { publicId: admin.user.publicId }, role: 'admin' })
      await workspaces.addMember(owner, ws, { user: { publicId: member.user.publicId }, role: 'member' })
      await queue.runDue()
      const people = [owner, admin, member]
      await house.database.write((tx) =>
        tx.db
          .deleteFrom('notifications')
          .where(
            'user_id',
            'in',
            people.map(({ user }) => user.id),
          )
          .execute(),
      )
      return { owner, admin, member, ws, workspace: owner.workspace }
    }

    it('who is added is told, and the administrators but the one who did it', async () => {
      const { owner, admin, member, ws } = await team()
      const eve = await person('eve')
      await house.rooms.workspaces.addMember(owner, ws, { user: { publicId: eve.user.publicId }, role: 'member' })
      const [hers] = await told(eve)
      expect(hers).toMatchObject({
        kind: 'member_added',
        title: expect.stringContaining('You were added'),
        actionUrl: `/api/v1/workspaces/${ws}/members`,
        data: { workspace_id: ws, user_id: eve.user.publicId, role: 'member', by: owner.user.publicId },
      })
      expect((await told(admin)).map(({ title }) => title)).toEqual([expect.stringContaining('eve was added to')])
      expect(await told(owner)).toEqual([])
      expect(await told(member)).toEqual([])
    })

    it('who gets another role is told, once, and not when nothing changed', async () => {
      const { owner, admin, member, ws } = await team()
      const { workspaces } = house.rooms
      await workspaces.setRole(owner, ws, member.user.publicId, 'admin')
      await workspaces.setRole(owner, ws, member.user.publicId, 'admin')
      expect(await told(member)).toMatchObject([{ kind: 'role_changed', data: { role: 'admin' } }])
      // His own doing is no news to himself.
      await workspaces.setRole(admin, ws, admin.user.publicId, 'member')
      expect(await told(admin)).toEqual([])
    })

    it('nobody is told of a change that was refused', async () => {
      const { owner, member, ws } = await team()
      const eve = await person('eve')
      await refused('forbidden', () =>
        house.rooms.workspaces.addMember({ ...member, workspace: owner.workspace, role: 'member' }, ws, {
          user: { publicId: eve.user.publicId },
          role: 'member',
        }),
      )
      await refused('conflict', () => house.rooms.workspaces.setRole(owner, ws, owner.user.publicId, 'member'))
      for (const who of [owner, member, eve]) expect(await told(who)).toEqual([])
    })

    it('who ran a workflow is told how it ended', async () => {
      const { owner, member, workspace } = await team()
      const app = await house.rooms.apps.create(owner, { name: 'Nightly report', type: 'workflow' })
      const settled = (turnId: string, status: WorkflowSettled['status']): WorkflowSettled => ({
        type: 'workflow-settled',
        workspaceId: workspace.id,
        userId: member.user.id,
        appId: app.id,
        turnId,
        status,
      })
      const done = settled('turn-1', 'completed')
      await tell(done, settled('turn-2', 'failed'), settled('turn-3', 'cancelled'), settled('turn-4', 'paused'))
      // Told again, as after a crash between the two.
      await tell(done, settled('turn-5', 'interrupted'))
      expect(await told(member)).toMatchObject([
        {
          kind: 'workflow_completed',
          title: 'Nightly report has finished',
          actionUrl: '/api/v1/turns/turn-1',
          data: { application_id: app.publicId, status: 'completed' },
        },
        { kind: 'workflow_failed', title: 'Nightly report has failed', data: { status: 'failed' } },
        { kind: 'workflow_failed', data: { status: 'interrupted' } },
      ])
      expect(await told(owner)).toEqual([])
      await tell({ ...settled('turn-6', 'completed'), appId: 987_654_321 })
      expect(await told(member)).toHaveLength(3)
    })

    it('administrators of the server are told of upstreams, once however many processes tell it', async () => {
      const admin = await person('server-admin')
      await house.database.write((tx) =>
        tx.db.updateTable('users').set({ is_admin: 1 }).where('id', '=', admin.user.id).execute(),
      )
      const user = await person('user')
      const at = 10 * 60_000 * 1000
      const changed = (state: 'open' | 'closed', later: number): CircuitChanged => ({
        type: 'circuit-changed',
        upstream: 'openai',
        state,
        at: at + later,
      })
      await tell(changed('open', 0), changed('open', 2_000), changed('closed', 40_000))
      expect(await told(admin)).toMatchObject([
        { kind: 'upstream_down', workspacePublicId: null, data: { upstream: 'openai' } },
        { kind: 'upstream_recovered' },
      ])
      await tell(changed('open', 10 * 60_000))
      expect(await kinds(admin)).toEqual(['upstream_down', 'upstream_recovered', 'upstream_down'])
      expect(await told(user)).toEqual([])
      await house.database.write((tx) =>
        tx.db.updateTable('users').set({ is_admin: 0 }).where('id', '=', admin.user.id).execute(),
      )
    })

    it('administrators are told of guardrails, once an hour for each app and rule', async () => {
      const { owner, admin, member, workspace } = await team()
      const app = await house.rooms.apps.create(owner, { name: 'Helpdesk' })
      const hit = (rule: string, turnId: string, appId: number | null = app.id): GuardrailHit => ({
        type: 'guardrail-hit',
        violationId: '01900000-0000-7000-8000-000000000002',
        redacted: false,
        workspaceId: workspace.id,
        appId,
        turnId,
        ruleId: `id of ${rule}`,
        rule,
        where: 'input',
      })
      clock.now = 3_600_000 * 500_000
      await tell(hit('no-secrets', 'turn-1'), hit('no-secrets', 'turn-2'), hit('no-violence', 'turn-2'))
      await tell(hit('no-secrets', 'turn-3'), hit('no-secrets', 'turn-4', null))
      for (const who of [owner, admin])
        expect(await told(who)).toMatchObject([
          {
            kind: 'guardrail_hit',
            title: 'A guardrail was violated in Helpdesk',
            actionUrl: '/api/v1/turns/turn-1',
            data: { rule: 'no-secrets', turn_id: 'turn-1' },
          },
          { data: { rule: 'no-violence' } },
          { title: 'A guardrail was violated', data: { rule: 'no-secrets', turn_id: 'turn-4' } },
        ])
      expect(await told(member)).toEqual([])
      clock.now += 3_600_000
      await tell(hit('no-secrets', 'turn-5'))
      expect(await told(owner)).toHaveLength(4)
    })

    it('administrators are told when turns have spent half, four fifths and all of a budget, once each', () =>
      fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 20, max: 200 }),
          fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 14 }),
          async (budget, costs) => {
            const { owner, admin, member, workspace } = await team()
            await house.database.write((tx) =>
              tx.db.updateTable('workspaces').set({ budget_micros: budget }).where('id', '=', workspace.id).execute(),
            )
            let spent = 0
            const crossed: number[] = []
            for (const cost of costs) {
              house.model = scriptedModel({
                price,
                scripts: [
                  {
                    batches: [
                      [{ type: 'text', text: 'x' }],
                      [finish('stop', { inputTokens: 1, outputTokens: cost - 1 })],
                    ],
                  },
                ],
              })
              const turn = await house.turns
                .start(asks(owner, { sampling: { maxOutputTokens: 30 }, messages: [said('Hi')] }))
                .catch(() => undefined)
              if (!turn) break
              await turn.result()
              const before = spent
              spent += cost
              const highest = [100, 80, 50].find((percent) => {
                const line = (budget / 100) * percent
                return before < line && spent >= line
              })
              if (highest !== undefined) crossed.push(highest)
            }
            expect((await told(owner)).map(({ data }) => data.percent)).toEqual(crossed)
            expect((await told(admin)).map(({ data }) => data.percent)).toEqual(crossed)
            expect(await told(member)).toEqual([])
          },
        ),
        { numRuns: 12 },
      ))

    it('a workspace without a budget is told nothing of it', async () => {
      const { owner } = await team()
      house.model = scriptedModel({ price })
      await (await house.turns.start(asks(owner))).result()
      expect(await told(owner)).toEqual([])
    })

    it('who waits is rung for after the commit, and sockets hear of what was changed', async () => {
      const { owner, ws, workspace } = await team()
      const eve = await person('eve')
      rung.splice(0)
      announced.splice(0)
      await house.rooms.workspaces.addMember(owner, ws, { user: { publicId: eve.user.publicId }, role: 'member' })
      const app = await house.rooms.apps.create(owner, { name: 'One' })
      await house.rooms.apps.update(owner, app.publicId, { name: 'Two' })
      await house.rooms.apps.rotateToken(owner, app.publicId)
      await house.rooms.apps.remove(owner, app.publicId)
      await house.rooms.workspaces.removeMember(owner, ws, eve.user.publicId)
      await queue.runDue()
      expect(rung).toContain(eve.user.id)
      expect(announced.map(({ type, change }) => `${type} ${change}`)).toEqual([
        'member-changed added',
        'app-changed created',
        'app-changed updated',
        'app-changed token-rotated',
        'app-changed deleted',
        'member-changed removed',
      ])
      for (const change of announced) expect(change).toMatchObject({ workspace, actor: owner.user })
      expect(JSON.stringify(announced)).not.toContain('pat_')
    })
  })

function said(text: string) {
  return { role: 'user' as const, parts: [{ type: 'text' as const, text }] }
}
