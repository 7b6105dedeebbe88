import type { Envelope } from '../remote/index.ts';

/** Messages of one part of a shard's cargo together, bytes; a single message may have more. */
const PART_BYTES_MAX = 4 * 1024 * 1024;

/** What an agent hears of, wherever it lives. */
export interface Interest {
  /** The agent's. */
  readonly key: string;
  /** An actor's address, or the name of a topic. */
  readonly of: string;
  /** The message by which it hears. */
  readonly method: string;
}

/** An agent's messages, in order. */
export interface Mail {
  readonly key: string;
  readonly messages: readonly Envelope[];
}

/**
 * What moves with a shard: its agents that have messages, with these in order, and what its agents hear of. State is in their journals, and
 * goes along only to save reading it there.
 */
export interface Cargo {
  /** Agents that were in memory, with messages or without. */
  readonly residents: number;
  readonly agents: readonly Mail[];
  /** Of actors. */
  readonly watches: readonly Interest[];
  /** Of topics. */
  readonly subscriptions: readonly Interest[];
  /** Large states that weren't copied ahead as they are now, encoded. */
  readonly states?: readonly Uint8Array[];
}

/** A shard's cargo on its way, under the epoch of its next owner. */
export interface Parcel {
  readonly group: string;
  readonly shard: number;
  readonly epoch: number;
  readonly cargo: Cargo;
  /** It goes behind what has come under that epoch already. */
  readonly more?: true;
}

/** About what a cargo takes, bytes. */
export function bytesOf({ agents, watches, subscriptions, states = [] }: Cargo): number {
  let bytes = 0;
  for (const { byteLength } of states) bytes += byteLength;
  for (const { messages } of agents) for (const { payload } of messages) bytes += payload.byteLength;
  for (const { key, of, method } of [...watches, ...subscriptions]) bytes += key.length + of.length + method.length;
  return bytes;
}

/** A parcel in parts that are no larger than a message between nodes may be, in order; most are of one part. */
export function* partsOf(parcel: Parcel): Generator<Parcel> {
  let mail: { readonly key: string; readonly messages: Envelope[] }[] = [];
  let bytes = 0;
  let part = parcel;
  for (const { key, messages } of parcel.cargo.agents) {
    for (const message of messages) {
      bytes += message.payload.byteLength;
      if (bytes > PART_BYTES_MAX && mail.length > 0) {
        yield { ...part, cargo: { ...part.cargo, agents: mail } };
        part = { ...parcel, more: true, cargo: { residents: 0, agents: [], watches: [], subscriptions: [] } };
        mail = [];
        bytes = message.payload.byteLength;
      }
      const last = mail.at(-1);
      if (last?.key === key) last.messages.push(message);
      else mail.push({ key, messages: [message] });
    }
  }
  yield { ...part, cargo: { ...part.cargo, agents: mail } };
}

/** A cargo with the next part of its mail. An agent's messages may be in both. */
export function joined(cargo: Cargo, { agents: [first, ...others] }: Cargo): Cargo {
  const last = cargo.agents.at(-1);
  if (first === undefined) return cargo;
  if (last?.key !== first.key) return { ...cargo, agents: [...cargo.agents, first, ...others] };
  const both = { key: last.key, messages: [...last.messages, ...first.messages] };
  return { ...cargo, agents: [...cargo.agents.slice(0, -1), both, ...others] };
}
