/**
 * Names of spans. What varies (an agent's key, a package) is an attribute, never part of a name: the number of names
 * stays small, so a trace store can group by them.
 */
export const SPANS = {
  /** A job, from the command to its result: the root of a trace. */
  workflow: 'invoke_workflow',
  /** One turn of an agent. */
  agent: 'invoke_agent',
  /** One call of a language model. */
  chat: 'chat',
  /** One journalled step of a turn. */
  tool: 'execute_tool',
  /** A message leaves for another actor or agent. */
  send: 'send',
  /** A message is handled. */
  process: 'process',
  /** A command waits for its commit. */
  propose: 'raft.propose',
  /** The state machine applies commands; linked to each of them. */
  apply: 'ledger.apply',
  /** A shard moves to another node. */
  migrate: 'agent.migrate',
  /** A crashed agent starts again. */
  restart: 'agent.restart',
  /** A node leaves on purpose. */
  drain: 'node.drain',
} as const;

/**
 * Names of span and resource attributes. `gen_ai.*`, `messaging.*`, `error.type` and `service.*` follow OpenTelemetry's
 * semantic conventions (the generative-AI part is still in development there, so it is spelt out here, in one place);
 * `troupe.*` is ours.
 */
export const ATTRIBUTES = {
  genAiOperation: 'gen_ai.operation.name',
  genAiAgentName: 'gen_ai.agent.name',
  genAiAgentId: 'gen_ai.agent.id',
  genAiToolName: 'gen_ai.tool.name',
  genAiToolCallId: 'gen_ai.tool.call.id',
  genAiWorkflowName: 'gen_ai.workflow.name',
  genAiProvider: 'gen_ai.provider.name',
  genAiRequestModel: 'gen_ai.request.model',
  genAiInputTokens: 'gen_ai.usage.input_tokens',
  genAiOutputTokens: 'gen_ai.usage.output_tokens',

  messagingSystem: 'messaging.system',
  messagingOperation: 'messaging.operation.name',
  messagingOperationType: 'messaging.operation.type',
  messagingDestination: 'messaging.destination.name',
  messagingMessageId: 'messaging.message.id',
  messagingBatchCount: 'messaging.batch.message_count',

  errorType: 'error.type',

  serviceName: 'service.name',
  serviceInstance: 'service.instance.id',

  /** Set on a span that its process started and did not live to end. */
  lost: 'troupe.lost',
  cluster: 'troupe.cluster',
  node: 'troupe.node',
  incarnation: 'troupe.node.incarnation',
  thread: 'troupe.thread',
  shard: 'troupe.shard',
  epoch: 'troupe.epoch',
  command: 'troupe.command',
  index: 'troupe.raft.index',
  term: 'troupe.raft.term',
  decision: 'troupe.decision',
  outcome: 'troupe.outcome',
  task: 'troupe.task',
  team: 'troupe.team',
  attempt: 'troupe.attempt',
  reason: 'troupe.reason',
  /** Name of a message to an agent. */
  message: 'troupe.message',
  /** Name of a step, with its number when its name occurs again in the turn. */
  step: 'troupe.step',
  replayed: 'troupe.step.replayed',
  fromNode: 'troupe.from',
  toNode: 'troupe.to',
  pauseMs: 'troupe.migration.pause_ms',
  deadlineMs: 'troupe.deadline_ms',
} as const;

/** Names of metrics, in OpenTelemetry's form: dots between words, the unit is declared apart. */
export const METRICS = {
  mailboxDepth: 'troupe.mailbox.depth',
  mailboxBytes: 'troupe.mailbox.bytes',
  mailboxOldestAge: 'troupe.mailbox.oldest_age',
  deadLetters: 'troupe.dead_letters',
  restarts: 'troupe.restarts',
  migrations: 'troupe.migrations',
  migrationPause: 'troupe.migration.pause',
  raftTerm: 'troupe.raft.term',
  raftLeading: 'troupe.raft.leading',
  raftApplyLag: 'troupe.raft.apply_lag',
  raftElections: 'troupe.raft.elections',
  fsync: 'troupe.raft.fsync',
  loopLag: 'troupe.event_loop.lag',
  preemptionSource: 'troupe.preemption.source',
} as const;

/** A span name of the list. */
export type SpanName = (typeof SPANS)[keyof typeof SPANS];
