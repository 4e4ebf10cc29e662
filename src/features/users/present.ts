import type { UserRow } from './store.ts'

export interface User {
  id: number
  publicId: string
  email: string
  name: string
  /** Administers this server. */
  isAdmin: boolean
  disabled: boolean
  createdAt: number
  updatedAt: number
}

export function toUser(row: UserRow): User {
  return {
    id: row.id,
    publicId: row.public_id,
    email: row.email,
    name: row.name,
    isAdmin: row.is_admin === 1,
    disabled: row.disabled === 1,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

/** What a person is told about himself. */
export function presentUser(user: User) {
  return {
    id: user.publicId,
    email: user.email,
    full_name: user.name,
    is_admin: user.isAdmin,
    created_at: new Date(user.createdAt).toISOString(),
    updated_at: new Date(user.updatedAt).toISOString(),
  }
}
