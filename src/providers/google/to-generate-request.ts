import { linesOf, type ToolChoice, type ToolSpec } from '#contracts/index.ts'
import { toSpeeches } from '../conversation.ts'
import { isObject, type JsonObject } from '../json.ts'
import { passableOptions } from '../passable-options.ts'
import type { ModelCall } from '../spec.ts'
import type { GenerateRequest } from './api.ts'
import { toContents } from './to-contents.ts'

const reserved = ['model', 'contents', 'stream', 'tools', 'toolConfig', 'systemInstruction', 'system_instruction']
const efforts: Record<string, string> = {
  minimal: 'minimal',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'high',
  max: 'high',
}
const budgets: Record<string, number> = {
  none: 0,
  minimal: 512,
  low: 1_024,
  medium: 8_192,
  high: 24_576,
  xhigh: 24_576,
  max: 24_576,
}

const leastProBudget = 128

/** ModelCall → body of generateContent. `call.options` fills in what Parley has no word for (`safetySettings`, ...). */
export function toGenerateRequest(call: ModelCall): GenerateRequest {
  const { generationConfig, ...options } = passableOptions(call.options, reserved)
  const speeches = toSpeeches(call.messages)
  const system = speeches.filter((speech) => speech.role === 'system').map((speech) => linesOf(speech.parts))
  const config = { ...(isObject(generationConfig) ? generationConfig : {}), ...configOf(call) }
  // A second candidate would be paid for and thrown away.
  delete (config as JsonObject).candidateCount
  return {
    ...options,
    contents: toContents(speeches, versionOf(call.model) >= 300),
    ...(system.length > 0 && { systemInstruction: { parts: [{ text: system.join('\n\n') }] } }),
    ...(Object.keys(config).length > 0 && { generationConfig: config }),
    ...(call.tools.length > 0 && {
      tools: [{ functionDeclarations: call.tools.map(toDeclaration) }],
      ...toToolConfig(call.toolChoice),
    }),
  }
}

function configOf(call: ModelCall): JsonObject {
  const { sampling, responseFormat: format } = call
  return {
    ...(sampling.temperature !== undefined && { temperature: sampling.temperature }),
    ...(sampling.topP !== undefined && { topP: sampling.topP }),
    ...(sampling.topK !== undefined && { topK: sampling.topK }),
    ...(sampling.maxOutputTokens !== undefined && { maxOutputTokens: sampling.maxOutputTokens }),
    ...(sampling.stop?.length && { stopSequences: sampling.stop }),
    ...(sampling.presencePenalty !== undefined && { presencePenalty: sampling.presencePenalty }),
    ...(sampling.frequencyPenalty !== undefined && { frequencyPenalty: sampling.frequencyPenalty }),
    ...(sampling.seed !== undefined && { seed: sampling.seed }),
    ...thinkingOf(call),
    ...(format && format.type !== 'text' && { responseMimeType: 'application/json' }),
    ...(format?.type === 'json-schema' && { responseJsonSchema: format.schema }),
  }
}

/** Gemini 3 and later take a level, earlier ones a budget in tokens; those before 2.5 know neither. */
function thinkingOf({ model, sampling }: ModelCall): JsonObject {
  const effort = sampling.reasoningEffort
  const version = versionOf(model)
  if (effort === undefined || version < 205) return {}
  const includeThoughts = effort !== 'none'
  // The larger models always think, and refuse what says that they should hardly or not do so.
  const isPro = /-pro\b/.test(model)
  if (version < 300)
    return {
      thinkingConfig: { thinkingBudget: Math.max(budgets[effort]!, isPro ? leastProBudget : 0), includeThoughts },
    }
  const level = isPro && effort === 'minimal' ? 'low' : efforts[effort]
  // There is no level for "not at all".
  return { thinkingConfig: { thinkingLevel: level ?? 'low', includeThoughts } }
}

/** `gemini-2.5-flash` → 205; 0 for names without a version. */
function versionOf(model: string): number {
  const found = /gemini-(\d+)(?:\.(\d+))?/.exec(model)
  return found ? Number(found[1]) * 100 + Number(found[2] ?? 0) : 0
}

function toDeclaration(tool: ToolSpec): object {
  return {
    name: tool.name,
    ...(tool.description !== undefined && { description: tool.description }),
    // `parameters` knows a part of JSON schema only; this field takes it as it is.
    ...(hasProperties(tool.parameters) && { parametersJsonSchema: tool.parameters }),
  }
}

/** An object schema without properties is refused; a function without parameters has no schema. */
function hasProperties(schema: JsonObject | undefined): boolean {
  if (!schema) return false
  return schema.type !== 'object' || (isObject(schema.properties) && Object.keys(schema.properties).length > 0)
}

function toToolConfig(choice: ToolChoice | undefined): object {
  if (choice === undefined) return {}
  const modes = { auto: 'AUTO', none: 'NONE', required: 'ANY' }
  const calling =
    typeof choice === 'object' ? { mode: 'ANY', allowedFunctionNames: [choice.name] } : { mode: modes[choice] }
  return { toolConfig: { functionCallingConfig: calling } }
}
