import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { type ErrorCode, errorMessage, TroupeError, toWireError, type WireError } from '../core/index.ts';
import { type ErrorDetail, fromErrorDetail, wireErrorToDetail } from '../wire/index.ts';
import { errorDetailType, rpcStatusType } from './schema.ts';

/** Metadata key under which gRPC carries a google.rpc.Status. */
const DETAILS_KEY = 'grpc-status-details-bin';
const DETAIL_TYPE_URL = 'type.googleapis.com/troupe.v1.ErrorDetail';
/** Texts of an error are cut here: trailers over a few kilobytes are refused by other gRPC stacks. */
const ERROR_TEXT_CHARS_MAX = 1_024;

const STATUS_OF: Readonly<Record<ErrorCode, status>> = {
  INVALID_ARGUMENT: status.INVALID_ARGUMENT,
  INVALID_CONFIGURATION: status.INVALID_ARGUMENT,
  TIMEOUT: status.DEADLINE_EXCEEDED,
  CANCELLED: status.CANCELLED,
  NODE_UNAVAILABLE: status.UNAVAILABLE,
  ACTOR_TERMINATED: status.FAILED_PRECONDITION,
  ASK_CYCLE: status.FAILED_PRECONDITION,
  MAILBOX_FULL: status.RESOURCE_EXHAUSTED,
  OVERLOADED: status.RESOURCE_EXHAUSTED,
  BUDGET_EXCEEDED: status.RESOURCE_EXHAUSTED,
  MESSAGE_TOO_LARGE: status.RESOURCE_EXHAUSTED,
  UNKNOWN_AGENT: status.NOT_FOUND,
  UNKNOWN_MESSAGE: status.UNIMPLEMENTED,
  SCHEMA_MISMATCH: status.INVALID_ARGUMENT,
  HANDLER_FAILED: status.UNKNOWN,
  THREAD_OUT_OF_MEMORY: status.ABORTED,
  THREAD_STUCK: status.ABORTED,
  THREAD_EXITED: status.ABORTED,
  STEP_UNKNOWN: status.FAILED_PRECONDITION,
  STEP_FAILED: status.ABORTED,
  STEP_MISMATCH: status.FAILED_PRECONDITION,
  REPLY_FORGOTTEN: status.FAILED_PRECONDITION,
  NOT_LEADER: status.UNAVAILABLE,
  NOT_CAUGHT_UP: status.UNAVAILABLE,
  NO_QUORUM: status.UNAVAILABLE,
  PROPOSAL_DROPPED: status.ABORTED,
  STALE_EPOCH: status.ABORTED,
  NOT_OWNER: status.UNAVAILABLE,
  JOURNAL_CONFLICT: status.ABORTED,
  CONFLICT: status.ABORTED,
  SESSION_EXPIRED: status.FAILED_PRECONDITION,
  NODE_FENCED: status.UNAVAILABLE,
  NOT_FOUND: status.NOT_FOUND,
  ALREADY_EXISTS: status.ALREADY_EXISTS,
  DECISION_CLOSED: status.FAILED_PRECONDITION,
  CLAIM_LOST: status.ABORTED,
  LOG_POISONED: status.DATA_LOSS,
  LOG_CORRUPT: status.DATA_LOSS,
  BLOB_CORRUPT: status.DATA_LOSS,
  SNAPSHOT_CORRUPT: status.DATA_LOSS,
  DISK_FULL: status.RESOURCE_EXHAUSTED,
  IDENTITY_MISMATCH: status.PERMISSION_DENIED,
  PROTOCOL_VIOLATION: status.INTERNAL,
  PORT_IN_USE: status.INTERNAL,
  SHUTTING_DOWN: status.UNAVAILABLE,
  INVARIANT_VIOLATED: status.INTERNAL,
  EXPECTATION_FAILED: status.INTERNAL,
};

/**
 * What gRPC's own refusals mean, when no detail of ours comes with them. INTERNAL and CANCELLED are streams that the
 * other side reset; who cancels a call himself doesn't ask here.
 */
const CODE_OF: Partial<Record<status, ErrorCode>> = {
  [status.CANCELLED]: 'NODE_UNAVAILABLE',
  [status.DEADLINE_EXCEEDED]: 'TIMEOUT',
  [status.UNAVAILABLE]: 'NODE_UNAVAILABLE',
  [status.INTERNAL]: 'NODE_UNAVAILABLE',
  [status.RESOURCE_EXHAUSTED]: 'OVERLOADED',
  [status.INVALID_ARGUMENT]: 'INVALID_ARGUMENT',
  [status.PERMISSION_DENIED]: 'IDENTITY_MISMATCH',
  [status.UNAUTHENTICATED]: 'IDENTITY_MISMATCH',
};

function cut(text: string): string {
  return text.length <= ERROR_TEXT_CHARS_MAX ? text : `${text.slice(0, ERROR_TEXT_CHARS_MAX - 1)}…`;
}

/** The error with its texts cut to what fits into trailers. */
function brief(wire: WireError): WireError {
  const { cause } = wire;
  const short = { ...wire, message: cut(wire.message) };
  return cause === undefined ? short : { ...short, cause: { name: cause.name, message: cut(cause.message) } };
}

/** What a gRPC handler answers for an error: the nearest status code, and the registry's code in the details. */
export function toStatus(error: unknown): { code: status; details: string; metadata: Metadata } {
  const wire = brief(toWireError(error));
  const code = STATUS_OF[wire.code];
  const details = wire.message;
  const packed = { typeUrl: DETAIL_TYPE_URL, value: errorDetailType.serialize(wireErrorToDetail(wire)) };
  const metadata = new Metadata();
  metadata.set(DETAILS_KEY, rpcStatusType.serialize({ code, message: details, details: [packed] }));
  return { code, details, metadata };
}

/** A failed call, as a client sees it. */
export interface CallFailure {
  readonly error: TroupeError;
  /** True when the node itself answered; false when the connection broke and the outcome is unknown. */
  readonly answered: boolean;
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'metadata' in error;
}

function detailOf(error: ServiceError): ErrorDetail | undefined {
  const bytes = error.metadata?.get(DETAILS_KEY)[0];
  if (!(bytes instanceof Uint8Array)) return undefined;
  try {
    const packed = rpcStatusType.deserialize(Buffer.from(bytes)).details?.find((d) => d.typeUrl === DETAIL_TYPE_URL);
    return packed?.value === undefined ? undefined : errorDetailType.deserialize(Buffer.from(packed.value));
  } catch {
    return undefined; // A broken detail says nothing; the status code still does.
  }
}

/** Reads what a call to `address` failed with. */
export function fromStatus(error: unknown, address: string): CallFailure {
  if (error instanceof TroupeError) return { error, answered: true };
  if (!isServiceError(error)) {
    return {
      error: new TroupeError('NODE_UNAVAILABLE', errorMessage(error), { address, cause: error }),
      answered: false,
    };
  }
  const detail = detailOf(error);
  if (detail !== undefined) return { error: fromErrorDetail(detail), answered: true };
  const tooLarge = error.code === status.RESOURCE_EXHAUSTED && error.details.includes('larger than max');
  const code = tooLarge ? 'MESSAGE_TOO_LARGE' : (CODE_OF[error.code] ?? 'PROTOCOL_VIOLATION');
  return {
    error: new TroupeError(code, error.details, { address, cause: error }),
    answered: code !== 'NODE_UNAVAILABLE',
  };
}
