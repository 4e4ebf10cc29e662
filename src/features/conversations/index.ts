/**
 * Conversations: which turns belong together, who may see them, what a model reads of them. Turns themselves are
 * written by the turns room; here they are only read.
 */
export {
  type About,
  type ConversationInput,
  type Conversations,
  type ConversationUpdate,
  conversations,
  type SurveyedRow,
  titleFrom,
} from './conversations.ts'
export { mayRead } from './policy.ts'
export { type ConversationView, type MessageView, presentConversation, presentMessages } from './present.ts'
export { type ConversationRow, changeSettings, insertRow, type NewConversation } from './store.ts'
export type { TurnRecord } from './turn-records.ts'
