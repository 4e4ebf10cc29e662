import type { Matcher, OnFind, Slot } from './matcher.ts'
import { firstStates, op, type Program, takes, truthsBetween } from './program.ts'

export interface Pattern {
  slot: Slot
  program: Program
}

const mostRemembered = 4_096

/** Patterns that are looked for together: which of them a character may begin is known without asking each. */
export class PatternSet {
  readonly patterns: readonly Pattern[]
  /** The character as the patterns see it; -1: not at all. */
  readonly view: (character: number) => number
  private readonly first: number[][]
  private readonly ascii: (readonly Pattern[])[]
  private readonly others = new Map<number, readonly Pattern[]>()

  constructor(patterns: readonly Pattern[], view: (character: number) => number = same) {
    this.patterns = patterns
    this.view = view
    this.first = patterns.map(({ program }) => firstStates(program))
    this.ascii = Array.from({ length: 128 }, (_, character) => this.begunBy(character))
  }

  /** The patterns that may begin with this character. */
  startersOf(character: number): readonly Pattern[] {
    if (character < 128) return this.ascii[character]!
    const known = this.others.get(character)
    if (known) return known
    if (this.others.size >= mostRemembered) this.others.clear()
    const found = this.begunBy(character)
    this.others.set(character, found)
    return found
  }

  private begunBy(character: number): readonly Pattern[] {
    return this.patterns.filter(({ program }, index) =>
      this.first[index]!.some((state) => takes(program.instructions[state]!, character)),
    )
  }
}

function same(character: number): number {
  return character
}

/** Runs the automata of a set side by side over one text: time in proportion to the text, whatever the patterns. */
export class PatternMatcher implements Matcher {
  steps = 0
  private readonly set: PatternSet
  private readonly runs = new Map<Pattern, Run>()
  private active: Run[] = []
  private before = -1
  private lastEnd = 0

  constructor(set: PatternSet) {
    this.set = set
  }

  busiest(): Slot | undefined {
    const [first] = this.active
    return first && this.active.reduce((most, run) => (run.size > most.size ? run : most), first).slot
  }

  earliest(): number {
    let earliest = Number.POSITIVE_INFINITY
    for (const run of this.active) earliest = Math.min(earliest, run.earliest())
    return earliest
  }

  step(character: number, at: number, found: OnFind): void {
    const seen = this.set.view(character)
    if (seen < 0) return
    const starters = this.set.startersOf(seen)
    if (starters.length > 0 || this.active.length > 0) {
      const truths = truthsBetween(this.before, seen)
      for (const pattern of starters) this.runOf(pattern).begin(at)
      let kept = 0
      for (const run of this.active) {
        this.steps += run.size
        if (run.step(seen, truths, this.lastEnd, found)) this.active[kept++] = run
      }
      this.active.length = kept
    }
    this.before = seen
    this.lastEnd = at + (character > 0xffff ? 2 : 1)
  }

  end(found: OnFind): void {
    const truths = truthsBetween(this.before, -1)
    for (const run of this.active) run.end(truths, this.lastEnd, found)
  }

  private runOf(pattern: Pattern): Run {
    let run = this.runs.get(pattern)
    if (!run) {
      run = new Run(pattern)
      this.runs.set(pattern, run)
    }
    if (!run.isActive) this.active.push(run)
    run.isActive = true
    return run
  }
}

/**
 * One automaton on its way through a text. Of all ways to be in a state the one that began first is kept, so that a
 * match is told with its longest form; states stand in the order of their beginnings.
 */
class Run {
  isActive = false
  private readonly pattern: Pattern
  /** States reached behind the last character, before assertions were looked at. */
  private states: Int32Array
  private starts: Float64Array
  /** How many states it is in. */
  size = 0
  private nextStates: Int32Array
  private nextStarts: Float64Array
  private nextSize = 0
  private readonly visited: Int32Array
  private readonly queued: Int32Array
  private readonly stack: Int32Array
  private round = 0
  private matched = false

  constructor(pattern: Pattern) {
    const count = pattern.program.instructions.length
    this.pattern = pattern
    // One more than there are states: `begin` may come on top of all of them.
    this.states = new Int32Array(count + 1)
    this.starts = new Float64Array(count + 1)
    this.nextStates = new Int32Array(count + 1)
    this.nextStarts = new Float64Array(count + 1)
    this.visited = new Int32Array(count)
    this.queued = new Int32Array(count)
    this.stack = new Int32Array(2 * count + 2)
  }

  get slot(): Slot {
    return this.pattern.slot
  }

  earliest(): number {
    return this.size > 0 ? this.starts[0]! : Number.POSITIVE_INFINITY
  }

  /** A match may begin at `at`. */
  begin(at: number): void {
    this.states[this.size] = this.pattern.program.start
    this.starts[this.size++] = at
  }

  /** Returns whether anything may still become a match. */
  step(character: number, truths: number, end: number, found: OnFind): boolean {
    this.round++
    this.matched = false
    this.nextSize = 0
    for (let i = 0; i < this.size; i++) this.follow(this.states[i]!, this.starts[i]!, character, truths, end, found)
    const { states, starts } = this
    this.states = this.nextStates
    this.starts = this.nextStarts
    this.size = this.nextSize
    this.nextStates = states
    this.nextStarts = starts
    this.isActive = this.size > 0
    return this.isActive
  }

  end(truths: number, end: number, found: OnFind): void {
    this.round++
    this.matched = false
    this.nextSize = 0
    for (let i = 0; i < this.size; i++) this.follow(this.states[i]!, this.starts[i]!, -1, truths, end, found)
  }

  /** Everything that is reached from a state without a character, and one character further where it fits. */
  private follow(from: number, start: number, character: number, truths: number, end: number, found: OnFind): void {
    const { instructions } = this.pattern.program
    const { stack, visited, round } = this
    let depth = 0
    stack[depth++] = from
    while (depth > 0) {
      const state = stack[--depth]!
      if (visited[state] === round) continue
      visited[state] = round
      const instruction = instructions[state]!
      switch (instruction.op) {
        case op.alternative:
        case op.alternativeMatch:
          stack[depth++] = instruction.arg
          stack[depth++] = instruction.out
          break
        case op.capture:
        case op.nothing:
          stack[depth++] = instruction.out
          break
        case op.emptyWidth:
          if ((instruction.arg & ~truths) === 0) stack[depth++] = instruction.out
          break
        case op.match:
          if (!this.matched && start < end) {
            this.matched = true
            found(this.pattern.slot, start, end)
          }
          break
        default:
          if (takes(instruction, character)) this.queue(instruction.out, start)
      }
    }
  }

  private queue(state: number, start: number): void {
    if (state === 0 || this.queued[state] === this.round) return
    this.queued[state] = this.round
    this.nextStates[this.nextSize] = state
    this.nextStarts[this.nextSize++] = start
  }
}
