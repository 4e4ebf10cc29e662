import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeApp } from '#test/support/doors.ts'
import { startParley } from '#test/support/parley.ts'
import { guardrailLookup } from './lookup.ts'

let parley: Awaited<ReturnType<typeof startParley>>
beforeAll(async () => {
  parley = await startParley()
})
afterAll(() => parley.close())

it('gives apps without rules of their own one list, that of the workspace', async () => {
  const { database } = parley.parley
  const addRule = async (place: string, name: string) => {
    const answer = await fetch(`${parley.url}/api/v1/${place}/guardrails`, {
      method: 'POST',
      headers: parley.headers,
      body: JSON.stringify({ name, kind: 'injection', where: 'input', action: 'flag' }),
    })
    expect(answer.status).toBe(201)
  }
  const own = await makeApp(parley, 'builtin/extractive')
  await makeApp(parley, 'builtin/extractive')
  await makeApp(parley, 'builtin/extractive')
  const apps = await database.read.selectFrom('apps').select(['id', 'public_id', 'workspace_id']).execute()
  const workspace = await database.read.selectFrom('workspaces').select(['id', 'public_id']).executeTakeFirstOrThrow()
  const { forTurn, forget } = guardrailLookup({ database, now: Date.now })
  const { id: ownId } = apps.find(({ public_id }) => public_id === own)!
  const [one, other] = apps.filter(({ id }) => id !== ownId)

  await addRule(`applications/${own}`, 'of the app')
  expect(await forTurn(workspace.id, ownId)).toMatchObject([{ name: 'of the app' }])
  expect(await forTurn(workspace.id, one!.id)).toEqual([])

  await addRule(`workspaces/${workspace.public_id}`, 'of all')
  forget()
  const shared = await forTurn(workspace.id)
  expect(shared).toMatchObject([{ name: 'of all' }])
  expect(await forTurn(workspace.id, one!.id)).toBe(shared)
  expect(await forTurn(workspace.id, other!.id)).toBe(shared)
  expect(await forTurn(workspace.id, ownId)).toMatchObject([{ name: 'of all' }, { name: 'of the app' }])
})
