import type { FastifyBaseLogger } from 'fastify'

type Child = FastifyBaseLogger['child']

/** From now on the children of `log`, one a request, are made when something is first written to them: to most nothing is. */
export function useRequestLogs(log: FastifyBaseLogger): void {
  const make = log.child
  // A method, not a function of its own: the children inherit it, and theirs are then children of theirs.
  log.child = function (this: FastifyBaseLogger, ...words: Parameters<Child>) {
    // Only the overloads of its methods are missing.
    return new RequestLog(this, make, words) as unknown as FastifyBaseLogger
  } as Child
}

class RequestLog {
  readonly #parent: FastifyBaseLogger
  readonly #make: Child
  readonly #words: Parameters<Child>
  #made: FastifyBaseLogger | undefined

  constructor(parent: FastifyBaseLogger, make: Child, words: Parameters<Child>) {
    this.#parent = parent
    this.#make = make
    this.#words = words
  }

  get #log(): FastifyBaseLogger {
    this.#made ??= this.#make.apply(this.#parent, this.#words)
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
