const sqliteUnique = 2067
const sqlitePrimaryKey = 1555
const postgresUnique = '23505'

/** Whether a write was refused because such a row exists already. */
export function isUniqueViolation(thrown: unknown): boolean {
  const error = thrown as { errcode?: number; code?: string }
  return error.errcode === sqliteUnique || error.errcode === sqlitePrimaryKey || error.code === postgresUnique
}
