import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { transcriptDocument } from './document.ts'
import { collect, hasPoppler, needsPoppler, objectsOf, pixelsOf, textOf } from './pdf/read-pdf-for-test.ts'
import type { TranscriptHead, TranscriptTurn } from './transcript.ts'

const head: TranscriptHead = {
  title: 'Chat with Ada',
  userName: 'Minji Kim',
  botName: 'Ada',
  timeZone: 'Asia/Seoul',
  createdAt: Date.UTC(2026, 10, 21),
}
const askedAt = Date.UTC(2026, 10, 21, 5, 3)

function make(turns: Partial<TranscriptTurn>[], more: Partial<TranscriptHead> = {}): Promise<Buffer> {
  const whole = turns.map((turn) => ({ userText: '', answerText: '', askedAt, ...turn }))
  return collect(transcriptDocument({ ...head, ...more }, whole))
}
const answer = (answerText: string) => make([{ answerText }])
const content = (pdf: Buffer) =>
  [...objectsOf(pdf).values()].map(({ body, stream }) => `${body}\n${stream ?? ''}`).join('\n')

describe('a transcript', () => {
  it('is a whole PDF, also of nothing', async () => {
    const pdf = await make([])
    expect(pdf.toString('latin1', 0, 8)).toBe('%PDF-1.7')
    const objects = [...objectsOf(pdf).values()]
    expect(objects.filter(({ body }) => body.includes('/Type/Page/'))).toHaveLength(1)
    expect(objects.filter(({ body }) => body.includes('/Type/Catalog'))).toHaveLength(1)
    expect(content(pdf)).toContain(`/Title <feff${Buffer.from('Chat with Ada', 'utf16le').swap16().toString('hex')}>`)
  })

  it('comes in chunks while turns are asked for, a few at a time', async () => {
    let asked = 0
    async function* turns() {
      for (; asked < 400; asked++) yield { userText: 'How?', answerText: 'word '.repeat(300), askedAt }
    }
    const chunks = transcriptDocument(head, turns())
    await chunks.next()
    const first = asked
    expect(first).toBeLessThan(200)
    await chunks.next()
    expect(asked).toBeGreaterThan(first)
    await chunks.return(undefined)
  })

  it('has a tree of pages that agrees with itself', async () => {
    const pdf = await answer('word '.repeat(60_000))
    const objects = objectsOf(pdf)
    const nodes = [...objects.values()].filter(({ body }) => body.startsWith('<</Type/Pages'))
    const root = nodes.find(({ body }) => !body.includes('/Parent'))!
    const count = (body: string) => Number(/\/Count (\d+)/.exec(body)![1])
    const kids = (body: string) =>
      [...(/\/Kids\[(.*?)\]/.exec(body)![1]!.matchAll(/(\d+) 0 R/g) ?? [])].map(([, id]) => Number(id))
    const leaves = kids(root.body).map((id) => objects.get(id)!)
    expect(count(root.body)).toBeGreaterThan(64)
    expect(leaves.reduce((sum, { body }) => sum + count(body), 0)).toBe(count(root.body))
    for (const { body } of leaves) {
      expect(kids(body)).toHaveLength(count(body))
      for (const id of kids(body)) expect(objects.get(id)!.body).toMatch(/^<<\/Type\/Page\//)
    }
  })

  it('links to pages and letters, and to nothing else', async () => {
    const links = [
      '[a](https://example.org/a) <https://example.org/b> https://example.org/c [d](mailto:d@example.org)',
      '[x](javascript:alert(1)) [x](JaVaScRiPt:alert(1)) [x](data:text/html;base64,PHNjcmlwdD4=) [x](file:///etc/passwd)',
      '[x](vbscript:x) [x](//evil) [x](/launch) ![x](file:///etc/passwd) ![x](http://169.254.169.254/latest) <script>x</script>',
      '[x](https://example.org/\\)>>/S/JavaScript/JS(app.alert) "x")',
    ]
    const all = content(await answer(links.join('\n\n')))
    const targets = [...all.matchAll(/\/URI <([0-9a-f]*)>/g)].map(([, hex]) => Buffer.from(hex!, 'hex').toString())
    expect(new Set(targets)).toEqual(
      new Set([
        'https://example.org/a',
        'https://example.org/b',
        'https://example.org/c',
        'mailto:d@example.org',
        // A picture is never fetched; where it is said to be, is a link like any other.
        'http://169.254.169.254/latest',
        'https://example.org/)%3E%3E/S/JavaScript/JS(app.alert)',
      ]),
    )
    expect(all).not.toMatch(
      /\/S\/(?!URI|Transparency|Alpha|Luminosity)|\/JS\b|\/Launch|\/EmbeddedFile|\/OpenAction|\/AA\b/,
    )
  })

  it('lets no text out of its string, wherever it stands', async () => {
    const hostile = ')>>/OpenAction<</S/JavaScript/JS(x)>>\\) endobj endstream (%\n<feff> BDC EMC Tj'
    const pdf = await make([{ userText: hostile, answerText: `${hostile}\n\n\`\`\`\n${hostile}\n\`\`\`` }], {
      title: hostile,
      userName: hostile,
      botName: hostile,
    })
    expect(content(pdf)).not.toContain('OpenAction')
    expect(content(pdf)).not.toContain('JavaScript')
  })

  it('refuses a time zone that there is not', async () => {
    await expect(make([], { timeZone: 'Mars/Olympus' })).rejects.toMatchObject({ details: { field: 'time_zone' } })
  })
})

describe.skipIf(!hasPoppler)(`what another program reads in it ${needsPoppler}`, () => {
  const lines = (text: string) => text.replace(/\s+/g, ' ')

  it('is who said what, when, and which page of how many', async () => {
    const pdf = await make([
      { userText: 'Is it raining?\n  Yes or no', answerText: 'It **is**.', answeredAt: askedAt + 61_000 },
      { userText: 'word '.repeat(3000), answerText: 'Thanks.' },
    ])
    const pages = textOf(pdf, '-layout').split('\f')
    expect(pages[0]).toMatch(
      /Chat with Ada\s+Minji Kim\s+2026-11-21 14:03 KST \(UTC\+9\)\s+Is it raining\?\s+Yes or no/,
    )
    expect(pages[0]).toMatch(/Ada\s+2026-11-21 14:04 KST \(UTC\+9\)\s+It is\./)
    const count = pages.length - 1
    expect(count).toBeGreaterThan(4)
    for (const [at, page] of pages.slice(0, -1).entries())
      expect(page.trim()).toMatch(new RegExp(`${at + 1} ?/ ?${count}$`))
  })

  it.each([
    ['Latin', 'The quick brown fox – “quoted”, naïve café, Straße, Tiếng Việt được, Łódź'],
    ['Greek and Cyrillic', 'Ελληνικά γράμματα и русские буквы, Україна'],
    ['Korean', '서울의 사무실은 월요일부터 금요일까지 열립니다. 漢字도 섞어 씁니다'],
    ['simplified Chinese', '我们的办公室在里斯本，租金每月三日支付。'],
    ['traditional Chinese', '我們的辦公室在里斯本，租金每月三日支付。「引號」'],
    ['Japanese', '私たちのオフィスはリスボンにあります。カタカナー「引用」'],
    ['Hindi', 'हमारा कार्यालय लिस्बन में है क्षत्रिय ज्ञान विद्यार्थी श्री राष्ट्र कि की'],
    ['Bengali, Tamil, Telugu', 'আমাদের অফিস எங்கள் அலுவலகம் మా కార్యాలయం'],
    ['Thai', 'สำนักงานของเราอยู่ในลิสบอนที่นี่'],
    ['Hebrew', 'המשרד שלנו נמצא בליסבון'],
    ['Arabic', 'مكتبنا في لشبونة السلام عليكم الأول لا إله إلا'],
    ['Persian and Urdu', 'دفتر ما در لیسبون است پاکستان میں اردو گچ پژ'],
    ['symbols', '→ ⟶ ∑ √ ∞ ≤ ½ H₂O x² ⓐ ① ✓ ★ ☐ ☑ € ₩ ₹ № ™'],
    ['emoji', '😀 👍🏽 👨‍👩‍👧‍👦 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🇰🇷 ❤️ 1️⃣ 🧑🏿‍🚀'],
  ])('is %s as it was written', async (_, text) => {
    // A page of its own, in one direction, as its reader takes a page to be.
    const name = text.slice(0, 3)
    const pdf = await make([{ userText: text, answerText: text }], { title: name, userName: name, botName: name })
    const read = lines(textOf(pdf))
    expect(read.split(text.normalize('NFC')).length - 1, read).toBe(2)
    expect(lines(textOf(pdf, '-raw'))).toContain(text.split(' ')[0])
  })

  it('is Markdown without its signs', async () => {
    const pdf = await answer(
      [
        '# Title\n\nSome **bold**, *thin*, ~~gone~~ and `code` [here](https://example.org).',
        '- one\n- two\n  1. inner\n- [x] done',
        '> quoted\n\n```js\nif (a < b) {\n\treturn "x"\n}\n```',
        '| Name | Sum |\n|---|--:|\n| rent | 950 |\n| a<br>b | |\n\n---\n\nEnd &amp; done',
      ].join('\n\n'),
    )
    const read = textOf(pdf, '-layout')
    for (const part of [
      'Title',
      'Some bold, thin, gone and code here.',
      'quoted',
      'if (a < b) {',
      '    return "x"',
      'End & done',
    ])
      expect(read).toContain(part)
    expect(read).toMatch(/• one\s+• two\s+1\. inner\s+• ☑ done/)
    expect(read).toMatch(/Name\s+Sum\s+rent\s+950\s+a\s+b/)
    expect(read).not.toMatch(/\*\*|~~|```|\[here\]|---/)
  })

  it('is the number of a character that no font has, where it stands', async () => {
    const pdf = await answer('A \u{13000} and \ue000 B')
    expect(lines(textOf(pdf))).toContain('A \u{13000} and \ue000 B')
  })

  it('has all of a long word and a long link, which go on in the next line', async () => {
    const word = 'abcdefghij'.repeat(60)
    const link = `https://example.org/${'segment/'.repeat(40)}end?x=${'y'.repeat(200)}`
    const hangul = '가나다라마바사'.repeat(60)
    const read = textOf(await answer(`${word}\n\n${link}\n\n${hangul}`)).replace(/\s/g, '')
    for (const whole of [word, link, hangul]) expect(read).toContain(whole)
  })

  it('has a table whose rows are longer than a page, and says its head again on the next', async () => {
    const rows = Array.from({ length: 90 }, (_, at) => `| row ${at} | ${at * 2} |`)
    const pdf = await answer(`| name | sum |\n|---|---|\n${rows.join('\n')}\n| tall | ${'word '.repeat(2500)} |`)
    const pages = textOf(pdf, '-layout').split('\f').slice(0, -1)
    const withRows = pages.filter((page) => /row \d|word/.test(page))
    expect(withRows.length).toBeGreaterThan(3)
    for (const page of withRows) expect(page).toMatch(/name\s+sum/)
    expect(pages.join('').match(/word/g)).toHaveLength(2500)
    expect(pages.join('').match(/row \d+\s/g)).toHaveLength(90)
  })

  it('has a table of too many columns as lists', async () => {
    const names = Array.from({ length: 40 }, (_, at) => `c${at}`)
    const row = (cells: string[]) => `| ${cells.join(' | ')} |`
    const pdf = await answer([row(names), row(names.map(() => '---')), row(names.map((name) => `${name}!`))].join('\n'))
    expect(textOf(pdf, '-layout')).toMatch(/c0: c0!\s+c1: c1!\s+c2: c2!/)
  })

  it('is not black, whatever is in it, and leaves its margins free', async () => {
    const turns = Array.from({ length: 30 }, (_, at) => ({
      userText: `Question ${at} 😀 서울`,
      answerText: `> quote\n\n\`\`\`\n${'code '.repeat(80)}\n\`\`\`\n\n| a | b |\n|---|---|\n| ${'long '.repeat(50)} | 2 |\n\n${'x'.repeat(300)}`,
    }))
    const pdf = await make(turns)
    const count = textOf(pdf).split('\f').length - 1
    for (const pageNumber of [1, Math.ceil(count / 2), count]) {
      const { width, height, pixels } = pixelsOf(pdf, pageNumber, 40)
      const dark = pixels.reduce((sum, pixel) => sum + (pixel < 128 ? 1 : 0), 0) / pixels.length
      expect(dark).toBeGreaterThan(0.001)
      expect(dark).toBeLessThan(0.2)
      const margin = Math.floor((50 / 72) * 40)
      for (let y = 0; y < height; y++)
        for (const x of [0, margin - 1, width - margin, width - 1]) expect(pixels[y * width + x]).toBe(255)
    }
  })

  it('draws emoji in their colours, not as boxes', async () => {
    const plain = pixelsOf(await answer('.'), 1, 60)
    const drawn = pixelsOf(await answer('😀👨‍👩‍👧‍👦👍🏽🇰🇷❤️1️⃣'), 1, 60)
    const ink = (page: { pixels: Buffer }) => page.pixels.reduce((sum, pixel) => sum + (255 - pixel), 0)
    expect(ink(drawn)).toBeGreaterThan(ink(plain) + 2000)
  })
})

describe('any text', () => {
  it('makes a PDF that another program reads without complaint', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.string({ unit: 'grapheme', maxLength: 200 }),
      fc.stringMatching(/^[-*_`~#>|[\]()!<&\\ \n\t0-9a-z.:/가ש😀]{0,200}$/u),
    )
    const turns = fc.array(fc.record({ userText: text, answerText: text }), { minLength: 1, maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(turns, text, async (some, name) => {
        const pdf = await make(some, { title: name, userName: name, botName: name })
        objectsOf(pdf)
        if (hasPoppler) textOf(pdf)
      }),
      { numRuns: 5 },
    )
  })
})

describe('strange messages', () => {
  it.each([
    ['a megabyte in one line', 'word '.repeat(200_000)],
    ['a megabyte without a space', 'x'.repeat(1_000_000)],
    ['a megabyte of Hangul', '가'.repeat(350_000)],
    ['code of 5,000 lines', `\`\`\`\n${'\tconst x = 1\n'.repeat(5000)}\`\`\``],
    ['a fence that is never closed', `\`\`\`\n${'line\n'.repeat(20_000)}`],
    ['a list of 5,000 items', '- item\n'.repeat(5000)],
    ['quotes a hundred deep', `${'> '.repeat(100)}deep`],
    ['lists a hundred deep', Array.from({ length: 100 }, (_, at) => `${'  '.repeat(at)}- x`).join('\n')],
    ['emphasis that never ends', '*a_'.repeat(10_000)],
    ['brackets that never close', '['.repeat(20_000)],
    ['links in links', '[a]('.repeat(5000)],
    ['a table of 3,000 rows', `|a|b|\n|-|-|\n${'|x|y|\n'.repeat(3000)}`],
    ['a table of 500 columns', `${'|a'.repeat(500)}|\n${'|-'.repeat(500)}|\n${'|x'.repeat(500)}|`],
    ['control characters', Array.from({ length: 0xa0 }, (_, at) => String.fromCharCode(at)).join('x')],
    ['half characters', '\ud800 \udc00 \udbff\ud800 👨\u200d\ud83d'],
    ['marks without a letter', `${'\u0301'.repeat(3000)} a${'\u0300\u0323'.repeat(500)}`],
    ['directions that never end', '\u202e\u2067\u2066\u202b'.repeat(500)],
    ['joiners', '\u200d\u200c\ufe0f'.repeat(2000)],
    ['a family without end', Array.from({ length: 5000 }, () => '👨').join('\u200d')],
    ['flags', '🇰'.repeat(1001)],
    ['nothing but line ends', '\n'.repeat(50_000)],
    ['line separators of other systems', 'a\r\nb\rc\u2028d\u2029e\u0085f\vg\fh'],
  ])('%s make a PDF, as question and as answer', async (_, text) => {
    const pdf = await make([{ userText: text, answerText: text }])
    expect(objectsOf(pdf).size).toBeGreaterThan(5)
    if (hasPoppler) textOf(pdf)
  })
})
