import type { Story } from './story.ts'

/** Somebody with an account and a workspace of his own, as the application API made them. */
export interface StoryPerson {
  id: string
  workspace: string
  token: string
  headers: Record<string, string>
}

let people = 0

/** Registers somebody new. */
export async function registered(story: Story, name: string): Promise<StoryPerson> {
  const email = `${name}-${++people}-${crypto.randomUUID()}@example.test`
  const made = await story.api(
    'POST',
    '/api/v1/auth/register',
    { email, password: `${name} has a password`, full_name: name },
    { anonymous: 'yes' },
  )
  const token: string = made.body.data.access_token
  const headers = { authorization: `Bearer ${token}` }
  const me = await story.api('GET', '/api/v1/auth/me', undefined, headers)
  return { id: me.body.data.id, workspace: me.body.data.workspace_id, token, headers }
}

/** Makes somebody a member of somebody else's workspace. */
export async function addMember(story: Story, owner: StoryPerson, member: StoryPerson, role = 'member'): Promise<void> {
  const url = `/api/v1/workspaces/${owner.workspace}/members`
  const { status, body } = await story.api('POST', url, { user_id: member.id, role }, owner.headers)
  if (status !== 200) throw new Error(`${url}: ${status} ${JSON.stringify(body)}`)
}
