import { describe, expect, it } from 'vitest'
import { emojiAt, mayBeEmoji } from './emoji.ts'

describe('an emoji', () => {
  it.each(['😀', '👍🏽', '👨‍👩‍👧‍👦', '🧑🏿‍🚀', '🇰🇷', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', '❤️', '1️⃣', '#⃣', '©️', '🏳️‍🌈', '❤️‍🔥'])(
    'is %s, as a whole',
    (emoji) => {
      expect(emojiAt(`${emoji}x`, 0)).toBe(emoji)
      expect(emojiAt(`ab${emoji}${emoji}`, 2)).toBe(emoji)
      expect(mayBeEmoji(emoji.codePointAt(0)!)).toBe(true)
    },
  )

  it.each(['a', '1', '#', '©', '☎', '❤', '😀\ufe0e', '→', '가', '漢', '\u200d', '🇰', ''])('is not %s', (text) => {
    expect(emojiAt(text, 0)).toBeUndefined()
  })

  it('is no chain without end', () => {
    const chain = Array.from({ length: 500 }, () => '👨').join('\u200d')
    expect(emojiAt(chain, 0)!.length).toBeLessThan(40)
  })

  it('is every one that Unicode recommends', () => {
    // Of all that the running ICU knows in the blocks where most are.
    for (let codePoint = 0x1f300; codePoint < 0x1faff; codePoint++) {
      const character = String.fromCodePoint(codePoint)
      if (/^\p{RGI_Emoji}$/v.test(character)) expect(emojiAt(character, 0)).toBe(character)
    }
  })
})
