export { crash, type InitOf, type MessageOf, type ThreadBehaviorOptions } from './behavior.ts';
export type { Channel, Handlers } from './channel.ts';
export { markReply, placeReply } from './crossing.ts';
export * from './limits.ts';
export { crossingLogger, logLine } from './log-line.ts';
export type { StartWorker, Tenant, WorkerEvents, WorkerHandle, WorkerStart } from './port.ts';
export type { Thread } from './thread.ts';
export { type ThreadModule, type ThreadRequest, Threads, type ThreadsOptions } from './threads.ts';
export { moduleBeside } from './worker.ts';
