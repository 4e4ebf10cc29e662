import { AppError } from '#errors/index.ts'

/** A variable that cannot be understood: the start stops with this line. */
export function bad(name: string, wanted: string): AppError {
  return new AppError('invalid-request', `The environment variable ${name} must be ${wanted}`, {
    details: { field: name },
  })
}
