import type { BackoffPolicy } from '../../core/index.ts';
import type { Lane } from '../port.ts';

/** Bounds of one lane to one peer, in one direction. */
export interface LaneLimits {
  /** Largest payload, bytes. */
  readonly messageBytesMax: number;
  /** Above this many messages or bytes waiting or unacknowledged, `send` says false. */
  readonly heldMessagesHigh: number;
  readonly heldBytesHigh: number;
  /** Above this many, `send` refuses. A message that fits `messageBytesMax` is always taken by an empty lane. */
  readonly heldMessagesMax: number;
  readonly heldBytesMax: number;
  /** How many messages and bytes may be with the receiver unsettled. One message more may pass the bytes' limit. */
  readonly creditMessages: number;
  readonly creditBytes: number;
}

/** Bounds of links; every default is meant to be left alone. */
export interface LinkLimits {
  readonly lanes: Readonly<Record<Lane, LaneLimits>>;
  /** Envelopes in a frame; more than 64 gains nothing (measured). */
  readonly frameEnvelopesMax: number;
  /** A frame is sent when it has this many bytes; about what HTTP/2 hands to the kernel at once. */
  readonly frameBytes: number;
  /** Longer payloads travel in pieces of this size, bytes. Larger pieces gain nothing (measured) and hold others up. */
  readonly pieceBytes: number;
  /**
   * After so many bytes a lane lets all else in the process go first, sending and receiving: a large message delays small ones by less
   * (measured: 20 ms instead of 40 at the 99th percentile, while 100 MB pass at 250 MB/s).
   */
  readonly turnBytes: number;
  /** Texts of an envelope together, UTF-16 code units: receiver, method, sender, ids. */
  readonly textsMax: number;
  /** A receipt goes out after this many messages, */
  readonly receiptMessages: number;
  /** or this long after the first one it acknowledges, ms. */
  readonly receiptDelayMs: number;
  /** A lane that heard nothing for this long sends a ping, ms. */
  readonly pingMs: number;
  /** After this many silent rounds of `pingMs` the connection counts as dead. Rounds, so that a stall of our own isn't silence. */
  readonly silentRoundsMax: number;
  /** A dialler must say hello within this time, ms. */
  readonly helloMs: number;
  /** How fast a lost connection is dialled anew. */
  readonly redial: BackoffPolicy;
}

const KIB = 1024;
const MIB = 1024 * KIB;

/** The limits used where nothing else is said. */
export const DEFAULT_LINK_LIMITS: LinkLimits = {
  lanes: {
    system: {
      messageBytesMax: 16 * MIB,
      heldMessagesHigh: 16_384,
      heldBytesHigh: 16 * MIB,
      heldMessagesMax: 131_072,
      heldBytesMax: 64 * MIB,
      creditMessages: 16_384,
      creditBytes: 16 * MIB,
    },
    user: {
      messageBytesMax: 16 * MIB,
      heldMessagesHigh: 16_384,
      heldBytesHigh: 16 * MIB,
      heldMessagesMax: 65_536,
      heldBytesMax: 32 * MIB,
      creditMessages: 16_384,
      creditBytes: 16 * MIB,
    },
    bulk: {
      messageBytesMax: 128 * MIB,
      heldMessagesHigh: 1_024,
      heldBytesHigh: 16 * MIB,
      heldMessagesMax: 8_192,
      heldBytesMax: 160 * MIB,
      creditMessages: 1_024,
      creditBytes: 16 * MIB,
    },
  },
  frameEnvelopesMax: 64,
  frameBytes: 64 * KIB,
  pieceBytes: 64 * KIB,
  turnBytes: 256 * KIB,
  textsMax: 64 * KIB,
  receiptMessages: 1_024,
  receiptDelayMs: 10,
  pingMs: 1_000,
  silentRoundsMax: 5,
  helloMs: 10_000,
  redial: { minMs: 20, maxMs: 1_000, jitter: 0.4 },
};

/** Counted for an envelope beside its payload, bytes; part of the protocol (see `Receipt` in peer.proto). */
export const ENVELOPE_COST_BYTES = 128;
