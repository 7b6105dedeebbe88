const KIB = 1024;
const MIB = 1024 * 1024;

/**
 * Bounds of the ledger. They are part of the state machine: all voters of a cluster must run with the same ones, or their
 * ledgers part. Tests pass smaller ones.
 */
export interface LedgerLimits {
  /** Open sessions; `session.open` is refused with OVERLOADED beyond. */
  readonly sessionsMax: number;
  /** Those of clients outside the cluster: they must leave room for its nodes. */
  readonly sessionsOfClientsMax: number;
  /** How far a session's sequence numbers may run ahead of what it has acknowledged: bounds its recorded replies. */
  readonly sessionWindow: number;
  /** Longest idle time a session may ask for, ms. */
  readonly sessionIdleMsMax: number;
  /** Nodes that left or went down and are still listed; the oldest are dropped. */
  readonly nodesGoneMax: number;
  /** Nodes that are up, cordoned or draining. */
  readonly nodesMax: number;
  readonly groupsMax: number;
  readonly shardsPerGroupMax: number;
  /** Lines in one `shards.place` or `shards.transfer`. */
  readonly movesMax: number;
  /** Length of ids, names, labels and choices, UTF-16 code units. */
  readonly nameCharsMax: number;
  /** Length of questions and of reasons of nodes, UTF-16 code units. */
  readonly textCharsMax: number;
  /** Length of a ballot's reason, UTF-16 code units: each reply to a ballot carries all of them. */
  readonly reasonCharsMax: number;
  /** Electors, and so ballots, of one decision; also its options. */
  readonly electorsMax: number;
  readonly decisionsOpenMax: number;
  /** Closed decisions kept; the oldest are dropped, and their ids may then be used again. */
  readonly decisionsClosedMax: number;
  /** Longest time to a decision's deadline, ms. */
  readonly decisionMsMax: number;
  readonly jobsOpenMax: number;
  /** Closed jobs kept with their tasks; the oldest are dropped. */
  readonly jobsClosedMax: number;
  readonly tasksPerJobMax: number;
  /** Items in one `job.add`, outcomes in one `task.settle`, tasks in one `task.claim`. */
  readonly tasksPerCommandMax: number;
  /** Inputs that one `task.claim` hands out, bytes (at least one task). */
  readonly claimBytesMax: number;
  /** Longest lease, ms. */
  readonly leaseMsMax: number;
  /** Size of a job's spec, a task's input or result, a journal record, bytes. */
  readonly blobBytesMax: number;
  /** Size of a journal's snapshot, bytes. */
  readonly journalSnapshotBytesMax: number;
  /** Records of one journal since its snapshot. */
  readonly journalRecordsMax: number;
  /** Bytes of one journal since its snapshot. */
  readonly journalBytesMax: number;
  /** Items of one journal's history, and their bytes. */
  readonly historyItemsMax: number;
  readonly historyBytesMax: number;
  /** Blobs that one journal names. */
  readonly blobsPerJournalMax: number;
  /** Size of one kept blob, of all of them, and of the parts that one comes in, bytes. */
  readonly keptBlobBytesMax: number;
  readonly keptBlobsBytesMax: number;
  readonly blobPartBytes: number;
  /** How long a blob stays that no journal names, ms of logged time. */
  readonly blobGraceMs: number;
  /** Turns that are held, and the bytes of their messages; one more is refused. */
  readonly heldMax: number;
  readonly heldBytesMax: number;
  /** Held turns that are over and still known; the oldest are dropped. */
  readonly heldClosedMax: number;
  /** Values under a name, their size and that of all with their keys, bytes. */
  readonly valuesMax: number;
  readonly valueBytesMax: number;
  readonly valuesBytesMax: number;
  /** Sessions, decisions or claims ended by logged time in one log entry, each; the rest waits for the next. */
  readonly duePerEntryMax: number;
  /** Entries of one page of a list query. */
  readonly pageItemsMax: number;
  /** Inputs and results in one page of a list query, bytes (at least one item). */
  readonly pageBytesMax: number;
}

/** The ledger's limits unless a test says otherwise. */
export const LEDGER_LIMITS: LedgerLimits = {
  sessionsMax: 10_000,
  sessionsOfClientsMax: 5_000,
  sessionWindow: 1_024,
  sessionIdleMsMax: 600_000,
  nodesGoneMax: 1_000,
  nodesMax: 10_000,
  groupsMax: 1_000,
  shardsPerGroupMax: 4_096,
  movesMax: 100_000,
  nameCharsMax: 512,
  textCharsMax: 16 * KIB,
  reasonCharsMax: 2 * KIB,
  electorsMax: 1_000,
  decisionsOpenMax: 100_000,
  decisionsClosedMax: 100_000,
  decisionMsMax: 30 * 24 * 3_600_000,
  jobsOpenMax: 1_000,
  jobsClosedMax: 100,
  tasksPerJobMax: 1_000_000,
  tasksPerCommandMax: 10_000,
  claimBytesMax: 256 * KIB,
  leaseMsMax: 24 * 3_600_000,
  blobBytesMax: MIB,
  journalSnapshotBytesMax: 8 * MIB,
  journalRecordsMax: 10_000,
  journalBytesMax: 16 * MIB,
  historyItemsMax: 100_000,
  historyBytesMax: 64 * MIB,
  blobsPerJournalMax: 1_000,
  keptBlobBytesMax: 16 * MIB,
  keptBlobsBytesMax: 1024 * MIB,
  blobPartBytes: 256 * KIB,
  blobGraceMs: 3_600_000,
  heldMax: 10_000,
  heldBytesMax: 64 * MIB,
  heldClosedMax: 1_000,
  valuesMax: 100_000,
  valueBytesMax: 64 * KIB,
  valuesBytesMax: 64 * MIB,
  duePerEntryMax: 1_000,
  pageItemsMax: 1_000,
  pageBytesMax: 4 * MIB,
};

/** Bounds of the coordinator on a voter. */
export interface ServerLimits {
  /** Execute and query calls being served; OVERLOADED beyond. */
  readonly callsInFlightMax: number;
  /** Bytes of execute calls being served; OVERLOADED beyond. */
  readonly callBytesInFlightMax: number;
  /** Size of one execute call; MESSAGE_TOO_LARGE beyond. */
  readonly callBytesMax: number;
  /** Replies to the queries of one call, bytes: those beyond are refused with OVERLOADED. */
  readonly replyBytesMax: number;
  /** Deliveries kept for watchers that lag; a watcher that lags further gets a new view. A power of two. */
  readonly feedDeliveriesMax: number;
  /** Bytes kept for watchers that lag. */
  readonly feedBytesMax: number;
  /** How often a leader looks whether logged time must move, ms. */
  readonly dutyPeriodMs: number;
}

/** A voter's limits unless told otherwise. */
export const SERVER_LIMITS: ServerLimits = {
  callsInFlightMax: 8_192,
  callBytesInFlightMax: 64 * MIB,
  callBytesMax: 16 * MIB,
  replyBytesMax: 8 * MIB,
  feedDeliveriesMax: 4_096,
  feedBytesMax: 16 * MIB,
  dutyPeriodMs: 50,
};

/** Bounds of a coordinator's client. */
export interface ClientLimits {
  /** Time-out of a call that names none, ms. */
  readonly timeoutMs: number;
  /** Commands and queries not yet answered; OVERLOADED beyond. */
  readonly callsInFlightMax: number;
  /** Commands that travel together. */
  readonly batchCommandsMax: number;
  /** Bytes that travel together (at least one command). */
  readonly batchBytesMax: number;
  /** Batches sent and not yet answered. */
  readonly batchesInFlightMax: number;
  /** Unanswered for so long, a batch or query is tried again, perhaps elsewhere, ms. */
  readonly attemptMs: number;
  /** Relayed calls are given back when no leader has been known for so long, ms: the client may reach a better node. */
  readonly leaderlessMs: number;
  /** Pause before the first and the later retries, ms. */
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
  /** How often deadlines are looked at, ms: time-outs are late by up to this much. */
  readonly sweepMs: number;
  /** The ledger may forget this client after so long without a word, ms; it says one every third of it. */
  readonly sessionIdleMs: number;
  /** Seq numbers ahead of the oldest unanswered command; must not exceed the ledger's `sessionWindow`. */
  readonly sessionWindow: number;
  /** A watched voter that knows no leader for so long is left for another, ms. */
  readonly watchLeaderlessMs: number;
}

/** A client's limits unless told otherwise. */
export const CLIENT_LIMITS: ClientLimits = {
  timeoutMs: 10_000,
  callsInFlightMax: 16_384,
  batchCommandsMax: 128,
  batchBytesMax: 256 * KIB,
  batchesInFlightMax: 8,
  attemptMs: 2_000,
  leaderlessMs: 500,
  retryMinMs: 10,
  retryMaxMs: 200,
  sweepMs: 25,
  sessionIdleMs: 60_000,
  sessionWindow: 1_024,
  watchLeaderlessMs: 2_000,
};

/** Calls over the channel between the threads that aren't answered yet; OVERLOADED beyond. */
export const CHANNEL_CALLS_MAX = 32_768;
