/** One instruction of a compiled expression, as re2js has it. */
interface Instruction {
  op: number
  /** Where it goes on. */
  out: number
  /** The other way of an alternative; the assertions of an empty width. */
  arg: number
  runes: ArrayLike<number>
  matchRune(character: number): boolean
}

/** An expression as an automaton: states by number, 0 being where nothing goes on. */
export interface Program {
  start: number
  instructions: readonly Instruction[]
}

/** Instructions of re2js (its Inst). A test holds them against its own matcher. */
export const op = {
  alternative: 1,
  alternativeMatch: 2,
  capture: 3,
  emptyWidth: 4,
  match: 6,
  nothing: 7,
  runes: 8,
  rune: 9,
  any: 10,
  anyButNewline: 11,
} as const

/** What must be true between two characters: assertions of empty width, as re2js counts them. */
const assertion = { lineStart: 1, lineEnd: 2, textStart: 4, textEnd: 8, boundary: 16, noBoundary: 32 } as const

/** More would be slow for each character of every text. */
export const mostStates = 300

type Engine = typeof import('re2js')
let engine: Promise<Engine> | undefined

/** A quarter of a megabyte of tables: loaded by the first who needs it. */
export function loadEngine(): Promise<Engine> {
  engine ??= import('re2js')
  return engine
}

/** Compiles an expression in RE2 syntax. Throws RE2JSSyntaxException. */
export function compileProgram({ RE2JS }: Engine, pattern: string, ignoreCase: boolean): Program {
  const compiled = RE2JS.compile(pattern, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0)
  const { inst: instructions, start } = compiled.re2().prog as { inst: Instruction[]; start: number }
  return { instructions, start }
}

/** Why an expression cannot be a rule; undefined: it can. */
export async function patternProblem(pattern: string, ignoreCase: boolean): Promise<string | undefined> {
  const engine = await loadEngine()
  let program: Program
  try {
    program = compileProgram(engine, pattern, ignoreCase)
  } catch (thrown) {
    if (thrown instanceof engine.RE2JSException) return `is not an expression in RE2 syntax: ${reasonOf(thrown)}`
    throw thrown
  }
  if (program.instructions.length > mostStates)
    return `needs ${program.instructions.length} states, ${mostStates} are allowed: repeat less, or use words`
  return fitsNothing(program) ? 'must not fit the empty text' : undefined
}

function reasonOf(thrown: Error): string {
  return thrown.message.replace(/^error parsing regexp: /, '').slice(0, 200)
}

/** Whether it matches without a character, if all its assertions were true. */
function fitsNothing({ start, instructions }: Program): boolean {
  let found = false
  eachState(instructions, start, allTrue, new Set(), (state) => {
    if (instructions[state]!.op === op.match) found = true
  })
  return found
}

/** The states that can take a first character. */
export function firstStates({ start, instructions }: Program): number[] {
  const states: number[] = []
  eachState(instructions, start, allTrue, new Set(), (state) => {
    if (instructions[state]!.op !== op.match) states.push(state)
  })
  return states
}

const allTrue = 0xff

/** Every state that takes a character or is a match and is reached from `from` without one, each once. */
function eachState(
  instructions: readonly Instruction[],
  from: number,
  truths: number,
  visited: Set<number>,
  visit: (state: number) => void,
): void {
  const waiting = [from]
  for (let state = waiting.pop(); state !== undefined; state = waiting.pop()) {
    if (visited.has(state)) continue
    visited.add(state)
    const found = follow(instructions[state]!, truths)
    if (found === 'stop') visit(state)
    else waiting.push(...found)
  }
}

/** Where an instruction leads without taking a character; `stop` when it takes one or is a match. */
function follow(instruction: Instruction, truths: number): 'stop' | readonly number[] {
  switch (instruction.op) {
    case op.alternative:
    case op.alternativeMatch:
      return [instruction.out, instruction.arg]
    case op.capture:
    case op.nothing:
      return [instruction.out]
    case op.emptyWidth:
      return (instruction.arg & ~truths) === 0 ? [instruction.out] : dead
    case op.match:
    case op.runes:
    case op.rune:
    case op.any:
    case op.anyButNewline:
      return 'stop'
    default:
      return dead
  }
}

const dead: readonly number[] = []

export function takes(instruction: Instruction, character: number): boolean {
  switch (instruction.op) {
    case op.runes:
      return instruction.matchRune(character)
    case op.rune:
      return instruction.runes[0] === character
    case op.any:
      return true
    case op.anyButNewline:
      return character !== 10
    default:
      return false
  }
}

/** What is true between two characters; -1 stands for the end of the text on that side. */
export function truthsBetween(before: number, after: number): number {
  let truths: number = isWordCharacter(before) === isWordCharacter(after) ? assertion.noBoundary : assertion.boundary
  if (before < 0) truths |= assertion.textStart | assertion.lineStart
  else if (before === 10) truths |= assertion.lineStart
  if (after < 0) truths |= assertion.textEnd | assertion.lineEnd
  else if (after === 10) truths |= assertion.lineEnd
  return truths
}

/** As RE2 has it: ASCII only. */
function isWordCharacter(character: number): boolean {
  return (
    (character >= 97 && character <= 122) ||
    (character >= 65 && character <= 90) ||
    (character >= 48 && character <= 57) ||
    character === 95
  )
}
