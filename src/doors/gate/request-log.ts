import type { FastifyBaseLogger } from 'fastify'

type Child = FastifyBaseLogger['child']

/** The log of one request, made when something is first written to it: most requests write nothing. */
export function requestLog(
  parent: FastifyBaseLogger,
  bindings: Parameters<Child>[0],
  options: Parameters<Child>[1],
): FastifyBaseLogger {
  // Only the overloads of its methods are missing.
  return new RequestLog(parent, bindings, options) as unknown as FastifyBaseLogger
}

class RequestLog {
  readonly #parent: FastifyBaseLogger
  readonly #bindings: Parameters<Child>[0]
  readonly #options: Parameters<Child>[1]
  #made: FastifyBaseLogger | undefined

  constructor(parent: FastifyBaseLogger, bindings: Parameters<Child>[0], options: Parameters<Child>[1]) {
    this.#parent = parent
    this.#bindings = bindings
    this.#options = options
  }

  get #log(): FastifyBaseLogger {
    this.#made ??= this.#parent.child(this.#bindings, this.#options)
    return this.#made
  }

  get level(): string {
    return this.#log.level
  }

  set level(level: string) {
    this.#log.level = level
  }

  child(bindings: Parameters<Child>[0], options?: Parameters<Child>[1]): ReturnType<Child> {
    return this.#log.child(bindings, options)
  }

  fatal(...words: [object, string]): void {
    this.#log.fatal(...words)
  }

  error(...words: [object, string]): void {
    this.#log.error(...words)
  }

  warn(...words: [object, string]): void {
    this.#log.warn(...words)
  }

  info(...words: [object, string]): void {
    this.#log.info(...words)
  }

  debug(...words: [object, string]): void {
    this.#log.debug(...words)
  }

  trace(...words: [object, string]): void {
    this.#log.trace(...words)
  }

  silent(...words: [object, string]): void {
    this.#log.silent(...words)
  }
}
