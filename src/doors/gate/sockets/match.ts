/** Paths with `:params` → whatever stands for them. A few routes, so they are tried one after the other. */
export interface Matcher<T> {
  add(path: string, value: T): void
  /** Undefined also for a path with a broken escape or an overlong segment: no such path exists. */
  find(path: string): { value: T; params: Record<string, string> } | undefined
}

export function matcher<T>(maxParamLength: number): Matcher<T> {
  const routes: { segments: string[]; value: T }[] = []

  function paramsOf(pattern: string[], given: string[]): Record<string, string> | undefined {
    if (pattern.length !== given.length) return undefined
    const params: Record<string, string> = {}
    for (const [at, segment] of pattern.entries()) {
      if (!segment.startsWith(':')) {
        if (segment !== given[at]) return undefined
        continue
      }
      const value = decoded(given[at]!)
      if (value === undefined || value === '' || value.length > maxParamLength) return undefined
      params[segment.slice(1)] = value
    }
    return params
  }

  return {
    add: (path, value) => void routes.push({ segments: path.split('/'), value }),
    find(path) {
      const given = (path.endsWith('/') ? path.slice(0, -1) : path).split('/')
      for (const { segments, value } of routes) {
        const params = paramsOf(segments, given)
        if (params) return { value, params }
      }
      return undefined
    },
  }
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}
