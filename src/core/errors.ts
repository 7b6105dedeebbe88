/**
 * What is known of each error code: whether trying the same thing again may work, and what the code means.
 * The list is closed; `docs/errors.md` documents each code, and a test compares the two.
 */
const REGISTRY = {
  INVALID_ARGUMENT: { retryable: false, meaning: 'the caller passed something that can never work' },
  INVALID_CONFIGURATION: { retryable: false, meaning: 'the configuration is wrong; every problem is listed' },
  TIMEOUT: { retryable: true, meaning: 'the deadline passed; whether the work was done is unknown' },
  CANCELLED: { retryable: false, meaning: 'the caller took the request back' },
  NODE_UNAVAILABLE: { retryable: true, meaning: 'the node is dead, leaving or not known' },
  ACTOR_TERMINATED: { retryable: false, meaning: 'the incarnation behind the reference is dead' },
  ASK_CYCLE: { retryable: false, meaning: 'actors ask each other in a circle, and each would wait for ever' },
  MAILBOX_FULL: { retryable: true, meaning: 'the mailbox is at its limit and its policy refuses' },
  OVERLOADED: { retryable: true, meaning: 'a bounded queue is full; slow down' },
  BUDGET_EXCEEDED: { retryable: false, meaning: 'the budget of tokens or money has no room for the call' },
  MESSAGE_TOO_LARGE: { retryable: false, meaning: 'the message is over the maximum size' },
  UNKNOWN_AGENT: { retryable: false, meaning: 'no node of the cluster hosts this agent kind' },
  UNKNOWN_MESSAGE: { retryable: false, meaning: 'the agent has no handler of this name' },
  SCHEMA_MISMATCH: { retryable: false, meaning: 'a message or reply does not fit its schema' },
  HANDLER_FAILED: { retryable: false, meaning: 'the handler threw; the error is the cause' },
  THREAD_OUT_OF_MEMORY: { retryable: false, meaning: 'the worker thread held more memory than it may, and was ended' },
  THREAD_STUCK: { retryable: false, meaning: 'the worker thread stood still for longer than it may, and was ended' },
  THREAD_EXITED: { retryable: false, meaning: 'the worker thread ended itself' },
  STEP_UNKNOWN: { retryable: false, meaning: 'a step started and its outcome is unknown, and its policy holds it' },
  STEP_FAILED: { retryable: false, meaning: 'a person settled the step as failed' },
  STEP_MISMATCH: { retryable: false, meaning: 'the handler asks for other steps than its turn has recorded' },
  REPLY_FORGOTTEN: { retryable: false, meaning: 'the request was carried out before; its reply is not kept any more' },
  NOT_LEADER: { retryable: true, meaning: 'this voter does not lead; ask the leader' },
  NOT_CAUGHT_UP: { retryable: true, meaning: 'the member that is to vote is too far behind the log' },
  NO_QUORUM: { retryable: true, meaning: 'no majority of voters can be reached' },
  PROPOSAL_DROPPED: { retryable: true, meaning: 'the leader changed before the command committed' },
  STALE_EPOCH: { retryable: false, meaning: 'another owner has taken over; nothing was changed' },
  NOT_OWNER: { retryable: true, meaning: 'the shard lives on another node now' },
  JOURNAL_CONFLICT: { retryable: false, meaning: 'the journal is at another version than the writer believes' },
  CONFLICT: { retryable: false, meaning: 'the value or the node is not as the writer expected' },
  SESSION_EXPIRED: { retryable: false, meaning: 'the ledger forgot this client after its idle limit' },
  NODE_FENCED: { retryable: false, meaning: 'the cluster has declared this incarnation of the node dead' },
  NOT_FOUND: { retryable: false, meaning: 'there is nothing under this name' },
  ALREADY_EXISTS: { retryable: false, meaning: 'the name is taken by something different' },
  DECISION_CLOSED: { retryable: false, meaning: 'the decision has its result; no ballot changes it' },
  CLAIM_LOST: { retryable: false, meaning: 'the claim expired or passed to another' },
  LOG_POISONED: { retryable: false, meaning: 'a sync of the log failed once; the node must stop' },
  LOG_CORRUPT: { retryable: false, meaning: 'the log is damaged before its tail' },
  BLOB_CORRUPT: { retryable: false, meaning: 'what is kept under a hash does not have it' },
  SNAPSHOT_CORRUPT: { retryable: false, meaning: 'a snapshot does not match its checksum' },
  DISK_FULL: { retryable: false, meaning: 'the disk has no room for the log' },
  IDENTITY_MISMATCH: { retryable: false, meaning: 'the peer or the directory belongs to another node or cluster' },
  PROTOCOL_VIOLATION: { retryable: false, meaning: 'a peer sent what the protocol does not allow' },
  PORT_IN_USE: { retryable: false, meaning: 'another program listens on the port' },
  SHUTTING_DOWN: { retryable: true, meaning: 'the node is leaving and takes nothing new' },
  INVARIANT_VIOLATED: { retryable: false, meaning: 'a defect: something that must always hold did not' },
  EXPECTATION_FAILED: { retryable: false, meaning: 'a test saw something else than it expected' },
} as const satisfies Record<string, { readonly retryable: boolean; readonly meaning: string }>;

/** A code of the closed registry; the same text on the wire. */
export type ErrorCode = keyof typeof REGISTRY;

/** All codes, sorted as in the registry. */
export const ERROR_CODES: readonly ErrorCode[] = Object.keys(REGISTRY) as ErrorCode[];

/** What else an error knows. */
export interface ErrorDetails {
  /** Who or what failed: a node, an agent's address, an actor's path, a file. */
  readonly address?: string;
  readonly cause?: unknown;
  /** Small facts for programs, e.g. the leader's id in NOT_LEADER. Survives the wire. */
  readonly data?: Readonly<Record<string, string | number | boolean>>;
}

/** An error in the form that crosses threads and nodes. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly address?: string;
  readonly data?: Readonly<Record<string, string | number | boolean>>;
  readonly cause?: { readonly name: string; readonly message: string };
}

/** The one error class. Its code is from the closed registry and survives the wire. */
export class TroupeError extends Error {
  override readonly name = 'TroupeError';
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly address: string | undefined;
  readonly data: Readonly<Record<string, string | number | boolean>>;
  /** What was to be sent, where it is certain that nobody has it: it may be sent again. It stays in this process. */
  undelivered: unknown = undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryable = REGISTRY[code].retryable;
    this.address = details.address;
    this.data = details.data ?? {};
  }

  /** One line for a person: code, message, address. */
  override toString(): string {
    return `${this.code}: ${this.message}${this.address === undefined ? '' : ` (${this.address})`}`;
  }
}

/** Whether `error` is a TroupeError, of this code when one is given. */
export function isTroupeError(error: unknown, code?: ErrorCode): error is TroupeError {
  return isError(error, TroupeError) && (code === undefined || error.code === code);
}

/** Hands back with the error what it has kept from being sent. @returns the same error */
export function handBack(error: TroupeError, message: unknown): TroupeError {
  error.undelivered = message;
  return error;
}

/** The error as others hear it who have sent something else: what it handed back wasn't theirs. */
export function withoutMessage(error: TroupeError): TroupeError {
  if (error.undelivered === undefined) return error;
  const { code, message, address, cause, data } = error;
  return new TroupeError(code, message, { cause, data, ...(address === undefined ? {} : { address }) });
}

/** The message of anything that was thrown. It doesn't throw itself, though what was thrown may do so when it is looked at. */
export function errorMessage(error: unknown): string {
  try {
    return String(isError(error, Error) ? error.message : error);
  } catch {
    return 'something was thrown that has no text';
  }
}

/** A proxy may throw even when it is asked what it is. */
function isError<E extends Error>(error: unknown, kind: abstract new (...given: never[]) => E): error is E {
  try {
    return error instanceof kind;
  } catch {
    return false;
  }
}

/** What was thrown, fit to be looked at: a proxy that throws even when it is asked what it is gives way to an error that says so. */
export function soundError(thrown: unknown): unknown {
  try {
    void (thrown instanceof Error);
    return thrown;
  } catch {
    return new TroupeError('HANDLER_FAILED', errorMessage(thrown));
  }
}

/** Wraps what a foreign piece of code threw; an error of ours passes unchanged. */
export function asTroupeError(error: unknown, code: ErrorCode, details: ErrorDetails = {}): TroupeError {
  if (isTroupeError(error)) return error;
  return new TroupeError(code, errorMessage(error), { ...details, cause: error });
}

/** Form of an error that can cross threads and nodes. Foreign errors become HANDLER_FAILED. */
export function toWireError(error: unknown): WireError {
  const known = asTroupeError(error, 'HANDLER_FAILED');
  const cause = known.cause;
  return {
    code: known.code,
    message: known.message,
    ...(known.address === undefined ? {} : { address: known.address }),
    ...(Object.keys(known.data).length === 0 ? {} : { data: known.data }),
    ...(isError(cause, Error) ? { cause: { name: nameOf(cause), message: errorMessage(cause) } } : {}),
  };
}

function nameOf(error: Error): string {
  try {
    return String(error.name);
  } catch {
    return 'Error';
  }
}

/** The error that `toWireError` described. A code this version doesn't know becomes PROTOCOL_VIOLATION. */
export function fromWireError(wire: WireError): TroupeError {
  const known = Object.hasOwn(REGISTRY, wire.code);
  const details: ErrorDetails = {
    ...(wire.address === undefined ? {} : { address: wire.address }),
    ...(wire.data === undefined ? {} : { data: wire.data }),
    ...(wire.cause === undefined
      ? {}
      : {
          cause: Object.assign(new TroupeError('HANDLER_FAILED', wire.cause.message), {
            originalName: wire.cause.name,
          }),
        }),
  };
  return new TroupeError(known ? wire.code : 'PROTOCOL_VIOLATION', wire.message, details);
}
