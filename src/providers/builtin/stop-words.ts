/** Words that say nothing about what a question is about, greetings among them, in folded form (see terms.ts). */
export const stopWords: ReadonlySet<string> = new Set(
  [
    // English
    'a about above after again all also am an and any are as at be because been before being below between both but by',
    'can cannot could did do does doing don down during each few for from further had has have having he her here hers him',
    'his how i if in into is it its itself just let ll m me more most my no nor not now of off on once only or other our',
    'ours out over own re s same she should so some such t than that the their theirs them then there these they this those',
    'through to too under until up us ve very was we were what when where which while who whom whose why will with would',
    'you your yours shall may might must ok okay please hi hello hey thanks thank good morning evening goodbye bye',
    'tell say says said give show find explain describe know want need help',
    // Spanish, French, German, Portuguese, Italian: articles, prepositions, question words
    'el la los las un una unos unas de del y o que en es son por para con como cual cuales donde cuando quien hola gracias',
    'le les des du et ou qui quoi est sont dans sur pour avec comment quel quelle quels quelles quand bonjour merci au aux',
    'der die das den dem ein eine einer und oder ist sind von zu mit auf wie wer wo wann warum welche welcher hallo danke',
    'os as um uma do da dos das em para com qual quais onde quando obrigado ola il lo gli di che per sono come dove ciao',
    // Chinese, Japanese, Korean
    '的 了 是 在 和 与 或 吗 呢 吧 什么 哪里 哪 哪个 谁 怎么 怎样 为什么 多少 几 有 我 你 您 他 她 它 我们 你们 请 请问 你好 您好 谢谢 这 那',
    '何 誰 どこ いつ なぜ どう どの どれ です ます ください こんにちは ありがとう これ それ あれ この その ある いる する こと もの',
    '무엇 무엇인가요 무엇입니까 뭐 어디 어디에 어디인가요 누구 언제 왜 어떻게 얼마 그리고 또는 은 는 이 가 을 를 의 에 에서 안녕 안녕하세요 감사합니다 인가요 입니까 있나요 있습니까 알려줘 알려주세요',
    // Hindi, Arabic
    'क्या है हैं का की के को में से पर और या कौन कहाँ कहां कब क्यों कैसे कितना कितने यह वह ये वे था थी थे एक नमस्ते धन्यवाद',
    'ما ماذا من هو هي هل في على إلى الى عن مع و أو او أين اين متى كيف لماذا كم هذا هذه ذلك التي الذي مرحبا شكرا',
    // Russian
    'и в на с по что как где когда кто почему это к у за из о от до не ли или привет спасибо',
  ]
    .join(' ')
    .split(' ')
    .map((word) => word.normalize('NFKC')),
)
