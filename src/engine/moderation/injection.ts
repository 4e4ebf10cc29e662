/**
 * Phrases by which a text tries to become an instruction, in RE2 syntax over characters as `seen` gives them: lower
 * case, full-width letters as letters, nothing invisible. Each says so much by itself that few other texts have it; a
 * word between two others may be anything, as people write it (docs/GUARDRAILS.md).
 */
const few = String.raw`(?:\s+\S+){0,3}\s+`
const gap = String.raw`\s+`

export const injectionPhrases: readonly string[] = [
  // English
  String.raw`\b(?:ignore|disregard|forget|override|bypass)${few}(?:previous|prior|above|earlier|preceding|existing|original|system|safety|your)${gap}(?:\S+\s+)?(?:instructions?|prompts?|rules|guidelines|directions|directives|programming|guardrails)\b`,
  String.raw`\b(?:ignore|disregard|forget)${gap}(?:everything|anything|all|what)${few}(?:above|before|said|told|previously)\b`,
  String.raw`\b(?:reveal|show|print|repeat|output|display|leak|tell${gap}me|give${gap}me|what${gap}(?:is|are))${gap}(?:me${gap})?(?:your|the)${gap}(?:full${gap}|exact${gap}|entire${gap}|original${gap}|initial${gap}|hidden${gap}|secret${gap}){0,2}(?:system${gap}(?:prompt|message|instructions?)|hidden${gap}(?:prompt|instructions?)|initial${gap}(?:prompt|instructions?))`,
  String.raw`\byou${gap}are${gap}now${gap}(?:in${gap})?(?:an?${gap})?(?:dan\b|developer${gap}mode|jailbroken|unrestricted|uncensored)`,
  String.raw`\b(?:enable|enter|activate|switch${gap}to)${gap}(?:developer|debug|god|dan|jailbreak)${gap}mode\b`,
  String.raw`\bdo${gap}anything${gap}now\b`,
  String.raw`\b(?:do${gap}not|don['’]?t|never|without)${gap}(?:tell|telling|inform|informing|mention|mentioning)${few}(?:to${gap})?(?:the${gap})?user\b${few}(?:instructions?|prompt|email|message|tool|this)\b`,
  // German
  String.raw`\b(?:ignorier\w*|vergiss|missachte|übergehe)${gap}(?:bitte${gap})?(?:alle\w*|deine|(?:die${gap})?(?:vorherigen|bisherigen|obigen|früheren|vorigen|bestehenden))${gap}(?:\S+${gap}){0,2}(?:anweisungen|instruktionen|regeln|vorgaben|prompts?)\b`,
  String.raw`\b(?:zeig\w*|nenne?|verrate?|gib)${few}(?:system-?prompt|systemanweisung\w*|systemnachricht)`,
  // French
  String.raw`\b(?:ignore[rz]?|oublie[rz]?|outrepasse[rz]?)${few}(?:instructions?|consignes?|règles|directives)${gap}(?:précédent|antérieur|ci-dessus|système|initial|de${gap}sécurité|données)`,
  String.raw`\b(?:montre|affiche|révèle|donne)\S*${few}(?:prompt|invite|instructions?)${gap}(?:du${gap})?système`,
  // Spanish, Portuguese, Italian
  String.raw`\b(?:ignor[ae]\w*|olvid[ae]\w*|esquece?\w*|desconsider\w+|dimentica\w*)${few}(?:instrucciones|instruções|istruzioni|reglas|regras|regole|indicaciones)${gap}(?:anterior|previ|precedent|de${gap}arriba|acima|do${gap}sistema|del${gap}sistema|originais|originales|di${gap}sistema)`,
  String.raw`\b(?:ignor[ae]\w*|olvid[ae]\w*|esquece?\w*|dimentica\w*)${few}(?:anteriores|previas|prévias|precedenti)${gap}(?:instrucciones|instruções|istruzioni)`,
  String.raw`\b(?:muestra\w*|revela\w*|mostr[ae]\w*|mostra\w*)${few}(?:prompt|mensaje|mensagem|instrucciones|instruções|istruzioni)${gap}(?:del?|do|di)${gap}sistema`,
  // Russian
  String.raw`(?:игнорируй|проигнорируй|забудь|не${gap}обращай${gap}внимания${gap}на)\S*${few}(?:инструкци|указани|правил)`,
  String.raw`(?:покажи|выведи|раскрой|назови)\S*${few}(?:системн\S+${gap}(?:промпт|подсказк|инструкци|сообщени))`,
  // Korean
  String.raw`(?:이전|위의?|앞의?|앞선|지금까지의?|기존의?|시스템)\s*(?:모든\s*)?(?:지시|명령|규칙|프롬프트|지침)\S*\s*(?:을|를|은|는)?\s*(?:모두\s*|전부\s*|다\s*)?(?:무시|잊어|잊고|따르지)`,
  String.raw`시스템\s*(?:프롬프트|메시지|지시문?|지침)\S*\s*(?:을|를)?\s*(?:그대로\s*)?(?:보여|출력|알려|공개|말해)`,
  // Japanese
  `(?:以前|これまで|上記|前|今まで|システム)の?(?:すべて|全て)?の?(?:指示|命令|ルール|プロンプト|指令)を?(?:すべて|全て|全部)?(?:無視|忘れ)`,
  `システム(?:プロンプト|メッセージ|指示)を?(?:そのまま)?(?:表示|出力|教え|見せ|公開)`,
  // Chinese
  `(?:忽略|无视|無視|忘记|忘記|不要理会|不要理會)(?:掉)?(?:你)?(?:之前|以上|上面|先前|前面|此前|所有|一切|系统|系統|原有)+(?:的)?(?:所有|一切|全部)?(?:的)?(?:指令|指示|提示|规则|規則|要求|命令|内容|設定|设定)`,
  `(?:显示|顯示|输出|輸出|告诉我|告訴我|透露|泄露|打印)(?:你的|你|完整的?)*(?:系统|系統)(?:提示词?|提示詞|指令|消息|訊息)`,
  // Control tokens of chat templates
  String.raw`<\|(?:im_start|im_end|start_header_id|end_header_id|eot_id|system|begin_of_text|endoftext)\|>`,
  String.raw`<<sys>>|\[/?inst\]|<start_of_turn>|<end_of_turn>`,
  String.raw`(?:^|\n)\s*#{2,3}\s*(?:system|new\s+system\s+prompt|system\s+(?:prompt|override|message))\s*:`,
  // Letters that nobody sees: four of them are no flag of a region
  String.raw`[\x{e0020}-\x{e007e}]{8,}`,
]

const invisible = /\p{Cf}/u
const joiner = 0x34f
const space = /\s/u

/** A character as the phrases know it; -1: not seen at all. */
export function seen(character: number): number {
  if (character < 0x80) return character >= 0x41 && character <= 0x5a ? character + 32 : character
  if (character > 0xffff) return character
  const text = String.fromCharCode(character)
  const isVariation = character >= 0xfe00 && character <= 0xfe0f
  if (isVariation || character === joiner || invisible.test(text)) return -1
  if (character >= 0xff01 && character <= 0xff5e) return seen(character - 0xfee0)
  if (space.test(text)) return 0x20
  const lower = text.toLowerCase()
  return lower.length === 1 ? lower.charCodeAt(0) : character
}
