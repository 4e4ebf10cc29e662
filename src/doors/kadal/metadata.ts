import { type Static, Type } from 'typebox'

const name = Type.String({ minLength: 1, maxLength: 500 })
const maybe = Type.Optional(Type.Union([Type.String({ maxLength: 500 }), Type.Null()]))
const words = Type.Optional(Type.Union([Type.String({ maxLength: 100_000 }), Type.Null()]))
const oneOf = <T extends string>(...choices: T[]) => Type.Unsafe<T>(Type.String({ enum: choices }))

const Chat = Type.Object({ category: Type.Optional(Type.Literal('chat')) })
const File = Type.Object({
  category: Type.Literal('event'),
  type: Type.Literal('file'),
  files: Type.Array(
    Type.Object({
      file_name: name,
      file_type: Type.String({ maxLength: 200 }),
      object_id: maybe,
      folder_id: maybe,
      source_category: oneOf('InputFile', 'ContextFile', 'KnowledgeBase', 'Guideline', 'OutputTemplate', 'GDrive'),
      input_type: oneOf('Repository', 'Computer', 'GDrive'),
    }),
    { minItems: 1, maxItems: 50 },
  ),
})
const Tool = Type.Object({
  category: Type.Literal('event'),
  type: Type.Literal('tool'),
  message: words,
  tool_config: Type.Object({
    web_search: Type.Optional(Type.Boolean()),
    content_lake: Type.Optional(Type.Boolean()),
  }),
})
const Verbose = Type.Object({
  category: Type.Literal('event'),
  type: Type.Literal('verbose'),
  message: words,
  modelId: Type.String({ minLength: 1, maxLength: 200 }),
  modelVersion: Type.Optional(Type.Union([Type.String({ maxLength: 200 }), Type.Null()])),
})

/** What a message is besides its text (CONTRACTS §4.5). */
export const Metadata = Type.Union([Chat, File, Tool, Verbose])
export type Metadata = Static<typeof Metadata>

export const StreamBody = Type.Object({
  message: Type.String(),
  is_tool_calling: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
  metadata: Type.Optional(Type.Union([Metadata, Type.Null()])),
})
export type StreamBody = Static<typeof StreamBody>
