import type { ShardRecord } from '../coordinator/index.ts';
import {
  type AgentAddress,
  type Clock,
  errorMessage,
  isTroupeError,
  type Logger,
  type NodeRef,
  nodeRefKey,
  type ShardId,
  ShardTable,
  shardKey,
  TroupeError,
} from '../core/index.ts';
import type { Envelope, Links } from '../remote/index.ts';
import type { Peers } from './peers.ts';
import { type LineExits, ShardLine } from './shard-line.ts';
import { type ClusterMap, sameNode } from './view.ts';

/** How long a marker may be on its way before the line opens without it, ms. The old owner is then as good as dead. */
const FLUSH_TIMEOUT_MS = 5_000;
/** Address of a marker, before its shard. */
const MARKER = 'line:';
const NOTHING: Uint8Array = new Uint8Array(0);

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
  /** Told of a message that was dropped. */
  readonly bury: (envelope: Envelope, error: TroupeError) => void;
}

/** Text form of an agent's address inside an envelope. */
export function agentTarget(address: AgentAddress): string {
  return `agent:${address.kind}/${address.key}`;
}

/** The asker named in `Envelope.from`: the node that waits for the reply. */
export function askerOf(envelope: Envelope): NodeRef | undefined {
  return lifeOf(envelope.from ?? '');
}

/** Lives by their text, as every message names one; started over when it is full. */
const lives: Map<string, NodeRef> = new Map();
const LIVES_KEPT_MAX = 1_024;

/** The life that `nodeRefKey` wrote. */
export function lifeOf(text: string): NodeRef | undefined {
  const known = lives.get(text);
  if (known !== undefined) return known;
  const [node, incarnation] = text.split('#');
  if (node === undefined || incarnation === undefined) return undefined;
  const life = { node, incarnation: Number(incarnation) };
  if (lives.size >= LIVES_KEPT_MAX) lives.clear();
  lives.set(text, life);
  return life;
}

/** Sends messages to agents, wherever their shard lives now. */
export class Router {
  readonly #parts: RouterParts;
  readonly #lines: ShardTable<ShardLine> = new ShardTable();
  readonly #exits: Omit<LineExits, 'deliver' | 'flush'>;
  #agents: LocalAgents | undefined;
  /** Resolves when this node has seen the cluster. */
  #sight: Promise<void> | undefined;

  constructor(parts: RouterParts) {
    this.#parts = parts;
    const { self, map, links, peers, clock } = parts;
    this.#exits = {
      self,
      clock,
      forward: (to, envelope) => (links.send(to, 'user', envelope) ? undefined : links.writable(to, 'user')),
      refuse: (envelope, error) => this.refuse(envelope, error),
    };
    map.onChange((change) => {
      for (const shard of change.shards) {
        if (sameNode(shard.owner, self)) this.#agents?.adopt(shard);
        this.line(shard).update(shard);
      }
    });
    peers.onAgentEnvelope((envelope) => this.#arrived(envelope));
    peers.serve('gone', async (life) => {
      const dead = lifeOf(life);
      if (dead !== undefined) await this.#over(dead);
      return NOTHING;
    });
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
    let line = this.#lines.get(shard);
    if (line === undefined) {
      const id: ShardId = { group: shard.group, shard: shard.shard };
      line = new ShardLine({
        ...this.#exits,
        deliver: (envelope) => this.#deliver(id, envelope),
        flush: (way) => this.#flush(id, way),
      });
      this.#lines.set(id, line);
      const record = this.#parts.map.shard(id);
      if (record !== undefined) line.update(record);
    }
    return line;
  }

  /** Answers an asker that its message isn't delivered; a tell is logged, and a dead letter. */
  refuse(envelope: Envelope, error: TroupeError): void {
    const asker = askerOf(envelope);
    if (envelope.kind === 'ask' && asker !== undefined)
      this.#parts.peers.reply(asker, envelope.correlation, undefined, error);
    else {
      this.#parts.logger.warn('message dropped', { to: envelope.to, method: envelope.method, code: error.code });
      this.#parts.bury(envelope, error);
    }
  }

  /** Shards may be ours before we have seen anything of the cluster: until then nobody is known, neither agents nor who asks for them. */
  #arrived(envelope: Envelope): void | Promise<void> {
    const { map, clock } = this.#parts;
    if (map.index === 0) {
      this.#sight ??= new Promise((resolve) => {
        const stop = map.onChange(() => {
          stop();
          resolve();
        });
      });
      const dated = envelope.timeoutMs === undefined ? envelope : { ...envelope, sinceMs: clock.monotonic() };
      return this.#sight.then(() => this.#route(dated));
    }
    return this.#route(envelope);
  }

  #route(envelope: Envelope): void | Promise<void> {
    if (envelope.to.startsWith(MARKER)) return this.line(markedShard(envelope)).accept(envelope);
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
    if (envelope.to.startsWith(MARKER)) {
      const sender = askerOf(envelope);
      if (sender !== undefined) this.#parts.peers.reply(sender, envelope.correlation, NOTHING, undefined);
      return;
    }
    const key = envelope.to.slice(envelope.to.indexOf('/') + 1);
    return this.#agents?.deliver({ kind: shard.group, key }, shard, envelope);
  }

  /** A marker through the first of the way that lives takes care of the rest; until then each dead one is cut off from the next. */
  async #flush(shard: ShardId, way: readonly NodeRef[]): Promise<void> {
    const { map } = this.#parts;
    for (let i = 0; i + 1 < way.length; i++) {
      const via = way[i] as NodeRef;
      // A living node that doesn't answer is too slow to wait for.
      if (map.isAlive(via) && ((await this.#mark(shard, via)) || map.isAlive(via))) return;
      await this.#cutOff(way[i + 1] as NodeRef, via);
    }
  }

  /** Sends a marker the way of the shard's messages; whoever delivers it answers. @returns whether it arrived */
  #mark(shard: ShardId, via: NodeRef): Promise<boolean> {
    const { links, peers, self, logger } = this.#parts;
    return new Promise((resolve) => {
      let correlation = 0;
      const to = `${MARKER}${shardKey(shard)}`;
      try {
        correlation = peers.expect(via, FLUSH_TIMEOUT_MS, (_reply, error) => resolve(error === undefined));
        const from = askerName(self);
        links.send(via, 'user', { kind: 'ask', to, correlation, method: '', payload: NOTHING, from });
      } catch (error) {
        // The old owner is gone: what it still held is lost, or comes back from journals.
        logger.debug('marker not sent', { to, via: via.node, error: errorMessage(error) });
        peers.forget(correlation);
        resolve(false);
      }
    });
  }

  /** Resolves when `next` takes nothing from a dead node any more: not even what it had forwarded. Never rejects. */
  async #cutOff(next: NodeRef, dead: NodeRef): Promise<void> {
    const { peers, self, logger } = this.#parts;
    if (sameNode(next, self)) return;
    try {
      // Not behind the messages on lane `user`: it is about what comes from elsewhere, and a flood would hold the shard's up with it.
      await peers.request(next, 'system', 'gone', nodeRefKey(dead), NOTHING, FLUSH_TIMEOUT_MS);
    } catch (error) {
      // It is gone too, and so is what it had; or it is slow to hear, and order isn't worth more waiting.
      logger.debug('a death not heard of', { by: next.node, dead: dead.node, error: errorMessage(error) });
    }
  }

  /** Resolves when this node's view shows that a life is over, and its links are cut. */
  #over(life: NodeRef): Promise<void> {
    const { map, clock } = this.#parts;
    if (!map.isAlive(life)) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        stop();
        timer.cancel();
        resolve();
      };
      const timer = clock.schedule(FLUSH_TIMEOUT_MS, end);
      const stop = map.onChange(() => {
        if (!map.isAlive(life)) end();
      });
    });
  }
}

function markedShard(marker: Envelope): ShardId {
  const colon = marker.to.lastIndexOf(':');
  return { group: marker.to.slice(MARKER.length, colon), shard: Number(marker.to.slice(colon + 1)) };
}

/** `Envelope.from` for messages whose replies this node awaits. */
export function askerName(self: NodeRef): string {
  return nodeRefKey(self);
}
