/** What a request to this model may say. */
export interface ModelAbilities {
  /** `thinking: adaptive` with an effort, since 4.6; before that a budget in tokens. */
  adaptiveThinking: boolean
  /** `temperature`, `top_p` and `top_k` are refused since 4.7. */
  sampling: boolean
  /** `output_config.format`, since 4.5. */
  outputFormat: boolean
  /** The effort `xhigh`, since 4.7; before that the word for the most is `max`. */
  xhigh: boolean
}

/**
 * By the version in the model's name (`claude-sonnet-4-6`, `claude-3-7-sonnet-20250219`): the API refuses what a model
 * does not know and offers no way to ask. Without a version, what every server of this protocol knows.
 */
export function abilitiesOf(model: string): ModelAbilities {
  const found = /(?:^|[^0-9])(\d{1,2})(?:[-.](\d{1,2}))?(?![0-9])/.exec(model)
  const version = found ? Number(found[1]) * 100 + Number(found[2] ?? 0) : 0
  return {
    adaptiveThinking: version >= 406,
    sampling: version < 407,
    outputFormat: version >= 405,
    xhigh: version >= 407,
  }
}
