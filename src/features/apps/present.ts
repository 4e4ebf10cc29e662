import type { Principal } from '#contracts/index.ts'
import type { App } from './app.ts'
import { mayChange } from './policy.ts'

/** An app with its configuration, and with its access token for who may change it. */
export function presentApp(app: App, principal: Principal) {
  const { config } = app
  const { sampling } = config
  return {
    id: app.publicId,
    name: app.name,
    slug: app.slug,
    description: app.description,
    type: app.type,
    enabled: app.enabled,
    ...(mayChange(principal) && { access_token: app.accessToken }),
    model: config.model,
    system_prompt: config.systemPrompt,
    temperature: sampling.temperature ?? null,
    top_p: sampling.topP ?? null,
    max_tokens: sampling.maxOutputTokens ?? null,
    stop: sampling.stop ?? null,
    presence_penalty: sampling.presencePenalty ?? null,
    frequency_penalty: sampling.frequencyPenalty ?? null,
    context_strategy: config.context.strategy,
    context_max_tokens: config.context.maxTokens,
    history_length: config.historyLength,
    suggested_questions: config.suggestedQuestions ?? [],
    ...(config.definition && { definition: config.definition }),
    workspace_id: app.workspace.publicId,
    created_at: new Date(app.createdAt).toISOString(),
    updated_at: new Date(app.updatedAt).toISOString(),
  }
}

export type PresentedApp = ReturnType<typeof presentApp>
