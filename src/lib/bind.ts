/** The function with its first argument, its dependencies, already given. */
export function bind<D, A extends unknown[], R>(deps: D, verb: (deps: D, ...args: A) => R): (...args: A) => R {
  return (...args) => verb(deps, ...args)
}
