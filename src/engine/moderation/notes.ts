import type { GuardedPlace, Guardrail, GuardrailHitNote } from '#contracts/index.ts'

const mostNotes = 20

/** What was found in one turn: of each rule one note a place, twenty at most. */
export class Notes {
  private readonly notes = new Map<string, GuardrailHitNote>()

  /** `excerpt` is asked for the first find only. */
  add(rule: Guardrail, where: 'input' | 'output', place: GuardedPlace, excerpt: () => string, outage = false): void {
    this.merge({ rule, where, place, count: 1, outage }, excerpt)
  }

  /** Takes over what was noted elsewhere. */
  addAll(notes: readonly GuardrailHitNote[]): void {
    for (const note of notes) this.merge(note, () => note.excerpt)
  }

  list(): GuardrailHitNote[] {
    return [...this.notes.values()]
  }

  private merge(note: Omit<GuardrailHitNote, 'excerpt'>, excerpt: () => string): void {
    const key = `${note.rule.id} ${note.where} ${note.place} ${note.outage}`
    const known = this.notes.get(key)
    if (known) known.count += note.count
    else if (this.notes.size < mostNotes) this.notes.set(key, { ...note, excerpt: excerpt() })
  }
}
