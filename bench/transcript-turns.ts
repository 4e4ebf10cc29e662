/** Turns as people have them, always the same for the same number: short questions, answers of some paragraphs in Markdown. */
import type { TranscriptTurn } from '#features/transcripts/index.ts'

interface Language {
  ask: string
  sentences: string[]
}

const languages: Record<string, Language> = {
  english: {
    ask: 'How do I move the office to Lisbon, and what does it cost?',
    sentences: [
      'The rent is 950 euros a month, and it is due on the **third day** of the month.',
      'Pets are allowed if they are small and the landlord has been told about them in writing.',
      'You can read more at https://example.org/guide/moving?from=lisbon#costs before you decide.',
      'A *notice* of three months applies, unless both sides agree on something else.',
    ],
  },
  korean: {
    ask: '사무실을 리스본으로 옮기려면 어떻게 해야 하나요?',
    sentences: [
      '월세는 950유로이며 매달 **셋째 날**에 내야 합니다.',
      '작은 반려동물은 집주인에게 서면으로 알리면 함께 살 수 있습니다.',
      '계약을 끝내려면 석 달 전에 알려야 하고, 서로 합의하면 더 빨리 끝낼 수도 있습니다.',
    ],
  },
  chinese: {
    ask: '怎样把办公室搬到里斯本？',
    sentences: [
      '租金每月950欧元，应在每月**三日**支付。',
      '如果房东书面同意，可以养小动物。',
      '双方另有约定的除外，须提前三个月通知。',
    ],
  },
  japanese: {
    ask: 'オフィスをリスボンに移すにはどうすればいいですか？',
    sentences: [
      '家賃は月950ユーロで、毎月**三日**に支払います。',
      '大家さんに書面で知らせれば、小さなペットは飼えます。',
    ],
  },
  hindi: {
    ask: 'कार्यालय को लिस्बन कैसे ले जाएँ?',
    sentences: [
      'किराया 950 यूरो प्रति माह है और महीने की **तीसरी तारीख** को देना होता है।',
      'मकान मालिक को लिखित सूचना देने पर छोटे पालतू जानवर रखे जा सकते हैं।',
    ],
  },
  arabic: {
    ask: 'كيف أنقل المكتب إلى لشبونة؟',
    sentences: [
      'الإيجار 950 يورو في الشهر، ويُدفع في **اليوم الثالث** منه.',
      'يُسمح بالحيوانات الصغيرة إذا أُبلغ المالك كتابةً عبر HTTP/2.',
    ],
  },
}
/** Which language each turn of a hundred is in: most are English, as in the logs that such backends have. */
const shares: [keyof typeof languages, number][] = [
  ['english', 60],
  ['korean', 20],
  ['chinese', 6],
  ['japanese', 6],
  ['hindi', 4],
  ['arabic', 4],
]
const mix = shares.flatMap(([name, count]) => Array.from({ length: count }, () => languages[name]!))

const code =
  '```ts\nexport function total(rents: readonly number[]): number {\n\treturn rents.reduce((sum, rent) => sum + rent, 0)\n}\n```'
const table =
  '| month | rent | paid |\n|:--|--:|:-:|\n| January | 950 | yes |\n| February | 950 | yes |\n| March | 975 | no |'

/** The 500 to 600 characters of an average answer; every seventh has code, every twelfth a table, every fifth an emoji. */
export function* transcriptTurns(count: number): Generator<TranscriptTurn> {
  const start = Date.UTC(2026, 0, 1)
  for (let turn = 0; turn < count; turn++) {
    const { ask, sentences } = mix[(turn * 37) % 100]!
    const sentence = (at: number) => sentences[(turn + at) % sentences.length]!
    const paragraph = (from: number, length: number) => Array.from({ length }, (_, at) => sentence(from + at)).join(' ')
    const parts = [
      `## ${turn + 1}. ${sentence(0).slice(0, 40).replaceAll('*', '')}`,
      paragraph(1, 3),
      `- ${sentence(2)}\n- ${sentence(3)}\n- \`item ${turn}\``,
      ...(turn % 7 === 0 ? [code] : []),
      ...(turn % 12 === 0 ? [table] : []),
      turn % 5 === 0 ? `${sentence(1)} ${['👍🏽', '😀', '🇰🇷', '❤️', '👨‍👩‍👧‍👦'][(turn / 5) % 5]}` : sentence(1),
    ]
    yield {
      userText: `${ask} (${turn + 1})`,
      answerText: parts.join('\n\n'),
      askedAt: start + turn * 60_000,
      answeredAt: start + turn * 60_000 + 4_000,
    }
  }
}
