/**
 * Accounts: who there is, their profile and password. Passwords are hashed here and leave this room only as hashes.
 * What a user may do in a workspace is told by features/workspaces, who is calling by features/auth.
 */
import { bind } from '#lib/bind.ts'
import {
  changePassword,
  confirmPassword,
  createUser,
  endSessions,
  findUser,
  getOwnAccount,
  getUserById,
  setDisabled,
  type UsersDeps,
  updateProfile,
  verifyLogin,
} from './accounts.ts'

export { type ProfileChange, prepareUser, refuseTaken, type UserInput, type UsersDeps } from './accounts.ts'
export { checkPassword } from './password.ts'
export { requirePerson } from './policy.ts'
export { presentUser, type User } from './present.ts'
export { insertUser, type NewUser, voidSessions } from './store.ts'

export type Users = ReturnType<typeof users>

export function users(deps: UsersDeps) {
  return {
    create: bind(deps, createUser),
    /** Throws `not-found`. */
    get: bind(deps, getUserById),
    /** The caller's own account. */
    me: bind(deps, getOwnAccount),
    find: bind(deps, findUser),
    update: bind(deps, updateProfile),
    changePassword: bind(deps, changePassword),
    confirmPassword: bind(deps, confirmPassword),
    setDisabled: bind(deps, setDisabled),
    endSessions: bind(deps, endSessions),
    verifyLogin: bind(deps, verifyLogin),
    /** Whether the user administers this server. */
    isServerAdmin: async (userId: number) => (await getUserById(deps, userId)).isAdmin,
  }
}
