import fc from 'fast-check'
import { expect, test } from 'vitest'
import { stripHtml } from './strip-html.ts'

test('keeps what a person reads', () => {
  const html = `<!doctype html><html><head><title>Rules</title><style>p > b { color: red }</style></head>
    <body><h1>House&nbsp;rules</h1><p>No <b>dogs</b>,
    no&#32;cats &amp; no &#x1F426;.</p><!-- secret > --><script>if (a < b) alert("</p>")</script><p>5 < 6</p></body></html>`
  expect(stripHtml(html)).toBe('Rules\nHouse rules\nNo dogs, no cats & no 🐦.\n5 < 6')
})

test('entities are decoded once, unknown and impossible ones stay', () => {
  expect(stripHtml('&amp;lt;b&amp;gt; &nosuch; &#xD800; &#9999999;')).toBe('&lt;b&gt; &nosuch; &#xD800; &#9999999;')
})

test('CDATA is text', () => {
  expect(stripHtml('<item><![CDATA[a > b]]></item>')).toBe('a > b')
})

test('never throws', () => {
  const unit = fc.constantFrom(
    '<',
    '>',
    '<p',
    '</p>',
    '<script',
    '</script',
    '<!--',
    '-->',
    '<![CDATA[',
    ']]>',
    '&#1',
    ';',
    'x',
  )
  fc.assert(
    fc.property(
      fc.array(unit).map((pieces) => pieces.join('')),
      (html) => typeof stripHtml(html) === 'string',
    ),
  )
})

// In more than linear time it would not end before the test is given up.
test.each(['<', '<a', '<script>', '<!--', '&', '&#', '<p>', '<![CDATA[', '</script', '<script></script'])(
  'two million characters of %j are stripped in linear time',
  (piece) => {
    expect(typeof stripHtml(piece.repeat(2_000_000 / piece.length))).toBe('string')
  },
)
