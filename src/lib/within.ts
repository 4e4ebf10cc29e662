/** Resolves when `done` does, after `ms` at the latest; what is not done by then goes on. Rejects as `done` does, if in time. */
export async function withinMs(ms: number, done: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  try {
    await Promise.race([done, late])
  } finally {
    clearTimeout(timer)
  }
}
