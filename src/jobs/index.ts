/** The durable queue in the database and what runs on it. A job's handler writes in the transaction that ends it. */
export { type DeliveryOptions, type WebhookDeliveries, webhookDeliveries } from './deliver-webhooks.ts'
export { type AfterCommit, type JobHandler, jobQueue, type QueueOptions } from './queue.ts'
