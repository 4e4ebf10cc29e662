import { Type } from 'typebox'

/** An id that can only be a UUID: anything else is refused by name (400) before it is looked for. Apps and sessions also go by other names. */
export const Uuid = Type.String({ format: 'uuid' })
