/** Largest message that client and server take, bytes. */
export const API_MESSAGE_BYTES_MAX: number = 16 * 1024 * 1024;

/** Calls and streams that one connection may have open. */
export const API_STREAMS_MAX = 1_000;

/** Calls and streams that one client may have open; past it the next is refused with OVERLOADED. */
export const OPEN_CALLS_MAX = 100_000;

/** What those calls carry, bytes: it is kept to be sent again. */
export const OPEN_CALL_BYTES_MAX: number = 64 * 1024 * 1024;

/** Requests of one stream at work at a time. */
export const STREAM_WORK_MAX = 64;

/** How long a unary call without a deadline may take, ms. */
export const CALL_TIMEOUT_MS = 10_000;

/** What a drain gets that names no deadline, ms. */
export const DRAIN_MS = 15_000;

/** How long a drain's call may take beyond the drain's own deadline, ms. */
export const DRAIN_GRACE_MS = 5_000;

/** What a change of the voters gets that names no time, ms. */
export const VOTERS_MS = 60_000;

/** Share of its call's time that a change of the voters may take: the rest is for the answer to come back. */
export const VOTERS_SHARE = 0.9;

/** Values in a page of ListValues when the request doesn't say. */
export const VALUES_PER_PAGE = 100;

/** Messages of a topic that wait for one client which reads slowly; what comes then is left out, and it is told how many. */
export const TOPIC_WAITING_MESSAGES_MAX = 1_000;

/** The same, bytes: a larger message never gets to a client. */
export const TOPIC_WAITING_BYTES_MAX: number = 4 * 1024 * 1024;

/** Subscriptions to topics that clients may have at one node. */
export const TOPIC_SUBSCRIPTIONS_MAX = 1_000;
