/** The nouns every room shares. Types and pure functions only; nothing here knows a vendor, a database or a socket. */
export * from './message.ts'
export * from './outbox-event.ts'
export * from './principal.ts'
export * from './turn-command.ts'
export * from './turn-event.ts'
export * from './turn-request.ts'
export * from './turn-state.ts'
export * from './usage.ts'
