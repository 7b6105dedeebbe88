import type { ShardRecord } from '../coordinator/index.ts';
import {
  type AgentAddress,
  type Clock,
  isTroupeError,
  type Logger,
  type NodeRef,
  nodeRefKey,
  type ShardId,
  shardKey,
  TroupeError,
} from '../core/index.ts';
import type { Envelope, Links } from '../remote/index.ts';
import type { Peers } from './peers.ts';
import { type LineExits, ShardLine } from './shard-line.ts';
import { type ClusterMap, sameNode } from './view.ts';

/** How long a barrier may take before the line opens without it, ms. The old owner is then as good as dead. */
const BARRIER_TIMEOUT_MS = 5_000;
/** How often the old owner looks whether its own view has caught up with a barrier, ms. */
const BARRIER_POLL_MS = 5;

/** Takes the messages for agents of this node. A promise holds the sender's credit back. */
export interface LocalAgents {
  deliver(address: AgentAddress, shard: ShardId, envelope: Envelope): void | Promise<void>;
  /** The shard is this node's from now on: mail that came with it is put into the mailboxes before anything new. */
  adopt(shard: ShardRecord): void;
}

/** What the router is made of. */
export interface RouterParts {
  readonly self: NodeRef;
  readonly map: ClusterMap;
  readonly links: Links;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Text form of an agent's address inside an envelope. */
export function agentTarget(address: AgentAddress): string {
  return `agent:${address.kind}/${address.key}`;
}

/** The asker named in `Envelope.from`: the node that waits for the reply. */
export function askerOf(envelope: Envelope): NodeRef | undefined {
  const [node, incarnation] = (envelope.from ?? '').split('#');
  return node === undefined || incarnation === undefined ? undefined : { node, incarnation: Number(incarnation) };
}

/** Sends messages to agents, wherever their shard lives now. */
export class Router {
  readonly #parts: RouterParts;
  readonly #lines: Map<string, ShardLine> = new Map();
  readonly #exits: Omit<LineExits, 'deliver'>;
  #agents: LocalAgents | undefined;

  constructor(parts: RouterParts) {
    this.#parts = parts;
    const { self, map, links, peers, clock } = parts;
    this.#exits = {
      self,
      clock,
      isAlive: (node) => map.isAlive(node),
      forward: (to, envelope) => (links.send(to, 'user', envelope) ? undefined : links.writable(to, 'user')),
      barrier: (via, shard) => this.#barrier(via, shard),
      refuse: (envelope, error) => this.refuse(envelope, error),
    };
    map.onChange((change) => {
      for (const shard of change.shards) this.#update(this.line(shard), shard);
    });
    peers.onAgentEnvelope((envelope) => this.#arrived(envelope));
    peers.serve('barrier', (method, payload) => this.#passBarrier(method, payload));
  }

  /** Sets who takes messages for this node; once, before the first message. */
  attach(agents: LocalAgents): void {
    this.#agents = agents;
  }

  /**
   * Sends an envelope to an agent, in order after everything sent to it before. Resolves when there is room for more.
   * @throws TroupeError UNKNOWN_AGENT when no node declared the kind
   */
  send(address: AgentAddress, envelope: Envelope): void | Promise<void> {
    const shard = this.#parts.map.shardOf(address.kind, address.key);
    if (shard === undefined) {
      throw new TroupeError('UNKNOWN_AGENT', `no node hosts agents of kind "${address.kind}"`, {
        address: agentTarget(address),
      });
    }
    return this.line(shard).accept(envelope);
  }

  /** The line of a shard. */
  line(shard: ShardId): ShardLine {
    const key = shardKey(shard);
    let line = this.#lines.get(key);
    if (line === undefined) {
      const id: ShardId = { group: shard.group, shard: shard.shard };
      line = new ShardLine({ ...this.#exits, deliver: (envelope) => this.#deliver(id, envelope) });
      this.#lines.set(key, line);
      const record = this.#parts.map.shard(id);
      if (record !== undefined) this.#update(line, record);
    }
    return line;
  }

  /** Answers an asker that its message isn't delivered; a tell is only logged. */
  refuse(envelope: Envelope, error: TroupeError): void {
    const asker = askerOf(envelope);
    if (envelope.kind === 'ask' && asker !== undefined)
      this.#parts.peers.reply(asker, envelope.correlation, undefined, error);
    else this.#parts.logger.warn('message dropped', { to: envelope.to, method: envelope.method, code: error.code });
  }

  #update(line: ShardLine, shard: ShardRecord): void {
    if (sameNode(shard.owner, this.#parts.self)) this.#agents?.adopt(shard);
    line.update(shard);
  }

  #arrived(envelope: Envelope): void | Promise<void> {
    const slash = envelope.to.indexOf('/');
    try {
      return this.send(
        { kind: envelope.to.slice('agent:'.length, slash), key: envelope.to.slice(slash + 1) },
        envelope,
      );
    } catch (error) {
      if (!isTroupeError(error)) throw error;
      this.refuse(envelope, error);
    }
  }

  #deliver(shard: ShardId, envelope: Envelope): void | Promise<void> {
    const key = envelope.to.slice(envelope.to.indexOf('/') + 1);
    return this.#agents?.deliver({ kind: shard.group, key }, shard, envelope);
  }

  async #barrier(via: NodeRef, shard: ShardRecord): Promise<void> {
    const body = new TextEncoder().encode(
      JSON.stringify({ group: shard.group, shard: shard.shard, epoch: shard.epoch }),
    );
    try {
      await this.#parts.peers.request(via, 'user', 'barrier', 'pass', body, BARRIER_TIMEOUT_MS);
    } catch (error) {
      // The old owner died or can't be reached in time: what it still held is lost or comes back from journals.
      this.#parts.logger.debug('barrier not passed', { shard: shardKey(shard), via: via.node, error: String(error) });
    }
  }

  /** `pass`: on the old owner, goes on to the new one after everything forwarded before. `arrived`: on the new owner. */
  async #passBarrier(method: string, payload: Uint8Array): Promise<Uint8Array> {
    if (method === 'arrived') return payload;
    const { map, clock, self, peers } = this.#parts;
    const wanted = JSON.parse(new TextDecoder().decode(payload)) as ShardId & { readonly epoch: number };
    const until = clock.monotonic() + BARRIER_TIMEOUT_MS;
    let record = map.shard(wanted);
    while ((record?.epoch ?? 0) < wanted.epoch && clock.monotonic() < until) {
      await new Promise<void>((resolve) => clock.schedule(BARRIER_POLL_MS, resolve));
      record = map.shard(wanted);
    }
    const owner = record?.owner;
    if (owner === undefined || sameNode(owner, self)) return payload;
    return peers.request(owner, 'user', 'barrier', 'arrived', payload, BARRIER_TIMEOUT_MS);
  }
}

/** `Envelope.from` for messages whose replies this node awaits. */
export function askerName(self: NodeRef): string {
  return nodeRefKey(self);
}
