import { fold, foldText, isAttached, isWordBoundary } from './fold.ts'
import type { Matcher, OnFind, Slot } from './matcher.ts'

/** A letter of a word. Most have one letter behind them: only where there are several it is a map. */
interface Node {
  only: { letter: number; node: Node } | undefined
  others: Map<number, Node> | undefined
  /** The rules of which a word ends here. */
  slots: readonly Slot[]
}

/** Words of one or more rules, folded, in a tree by their letters. */
export interface WordSet {
  root: Node
  /** Only whole words count. */
  whole: boolean
}

export function wordSet(lists: readonly { slot: Slot; words: readonly string[] }[], whole: boolean): WordSet {
  const root = newNode()
  for (const { slot, words } of lists)
    for (const word of words) {
      let node = root
      for (const letter of foldText(word)) node = nextOf(node, letter) ?? grow(node, letter)
      if (node !== root && !node.slots.includes(slot)) node.slots = [...node.slots, slot]
    }
  return { root, whole }
}

const noSlots: readonly Slot[] = []

function newNode(): Node {
  return { only: undefined, others: undefined, slots: noSlots }
}

function grow(node: Node, letter: number): Node {
  const grown = newNode()
  if (node.others) node.others.set(letter, grown)
  else if (node.only) {
    node.others = new Map([
      [node.only.letter, node.only.node],
      [letter, grown],
    ])
    node.only = undefined
  } else node.only = { letter, node: grown }
  return grown
}

function nextOf({ only, others }: Node, letter: number): Node | undefined {
  return only ? (only.letter === letter ? only.node : undefined) : others?.get(letter)
}

/** A word that has begun. */
interface Thread {
  node: Node
  start: number
}

/** Looks for words: a step costs one look into a map, and one for every word that has begun. */
export class WordMatcher implements Matcher {
  steps = 0
  private readonly set: WordSet
  private threads: Thread[] = []
  private before = -1
  private beforeFolded = -1
  private lastEnd = 0

  constructor(set: WordSet) {
    this.set = set
  }

  busiest(): Slot | undefined {
    for (let node = this.threads[0]?.node; node; node = node.only?.node ?? node.others?.values().next().value)
      if (node.slots.length > 0) return node.slots[0]
    return undefined
  }

  earliest(): number {
    return this.threads[0]?.start ?? Number.POSITIVE_INFINITY
  }

  step(character: number, at: number, found: OnFind): void {
    const folded = fold(character)
    const [first] = folded
    const end = at + (character > 0xffff ? 2 : 1)
    if (first === undefined) {
      // What is not seen parts nothing, and belongs to what stands before it.
      this.lastEnd = end
      return
    }
    if (first === 32 && this.beforeFolded === 32) return
    if (this.threads.length > 0) this.tell(character, found)
    const { root, whole } = this.set
    if (nextOf(root, first) && (!whole || isWordBoundary(this.before, character)))
      this.threads.push({ node: root, start: at })
    if (this.threads.length > 0) this.advance(folded)
    this.steps += this.threads.length
    this.before = character
    this.beforeFolded = folded.at(-1)!
    this.lastEnd = end
  }

  end(found: OnFind): void {
    this.tell(-1, found)
  }

  private advance(folded: readonly number[]): void {
    let kept = 0
    for (const thread of this.threads) {
      let node: Node | undefined = thread.node
      for (const letter of folded) node = node && nextOf(node, letter)
      if (!node) continue
      thread.node = node
      this.threads[kept++] = thread
    }
    this.threads.length = kept
  }

  /** Words that end before `next`. */
  private tell(next: number, found: OnFind): void {
    for (const { node, start } of this.threads)
      if (node.slots.length > 0 && (this.set.whole ? isWordBoundary(this.before, next) : !isAttached(next)))
        for (const slot of node.slots) found(slot, start, this.lastEnd)
  }
}
