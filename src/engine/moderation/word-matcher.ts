import { fold, foldText, isAttached, isWordBoundary } from './fold.ts'
import type { Matcher, OnFind, Slot } from './matcher.ts'

interface Node {
  next: Map<number, Node>
  /** The rules of which a word ends here. */
  slots: Slot[]
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
      for (const character of foldText(word)) {
        let next = node.next.get(character)
        if (!next) {
          next = newNode()
          node.next.set(character, next)
        }
        node = next
      }
      if (node !== root && !node.slots.includes(slot)) node.slots.push(slot)
    }
  return { root, whole }
}

function newNode(): Node {
  return { next: new Map(), slots: [] }
}

/** A word that has begun. */
interface Thread {
  node: Node
  start: number
}

/** Looks for words: a step costs one look into a map, and one for every word that has begun. */
export class WordMatcher implements Matcher {
  private readonly set: WordSet
  private threads: Thread[] = []
  private before = -1
  private beforeFolded = -1
  private lastEnd = 0

  constructor(set: WordSet) {
    this.set = set
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
    if (root.next.has(first) && (!whole || isWordBoundary(this.before, character)))
      this.threads.push({ node: root, start: at })
    if (this.threads.length > 0) this.advance(folded)
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
      for (const piece of folded) node = node?.next.get(piece)
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
