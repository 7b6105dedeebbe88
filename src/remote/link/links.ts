import {
  type Clock,
  delay,
  type Logger,
  type NodeId,
  type NodeRef,
  nodeRefKey,
  type Random,
  type Timer,
  TroupeError,
} from '../../core/index.ts';
import type { LinkHello__Output } from '../../wire/generated/troupe/v1/LinkHello.ts';
import { toErrorDetail } from '../../wire/index.ts';
import type { Connection, Envelope, Lane, Links, PeerLoss, Transport } from '../port.ts';
import { checkProven } from '../proven.ts';
import type { LinkContext } from './context.ts';
import { FrameDecoder } from './decode.ts';
import { encodeFrame } from './encode.ts';
import { Inbound } from './inbound.ts';
import { DEFAULT_LINK_LIMITS, type LinkLimits } from './limits.ts';
import { LINK_PROTOCOL, otherProtocol } from './messages.ts';
import { Outbound } from './outbound.ts';

/** Connections that haven't said hello yet; more are turned away. */
const STRANGERS_MAX = 1_024;

const LANES: readonly Lane[] = ['system', 'user', 'bulk'];

/** What links are made of. */
export interface LinksOptions {
  readonly self: NodeRef;
  readonly clusterId: string;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly limits?: Partial<LinkLimits>;
}

interface Peer {
  readonly ref: NodeRef;
  /** Undefined while only the peer has dialled us. */
  address: string | undefined;
  readonly out: Map<Lane, Outbound>;
  readonly in: Map<Lane, Inbound>;
}

/**
 * Opens this node's links. The transport listens already: its connections go to `accept`, those that come before are
 * closed and dialled anew.
 *
 * Each direction of each lane has a connection of its own, dialled by the sender: neither side waits for the other to
 * dial, two dials never meet, and what a lane knows lives at the two ends of one direction.
 *
 * @example
 * let links: Links | undefined;
 * const address = await transport.listen('127.0.0.1:0', (c) => (links ? links.accept(c) : c.close()));
 * links = openLinks({ self, clusterId, transport, clock, random, logger });
 * links.onEnvelope((from, lane, envelope) => dispatch(envelope));
 */
export function openLinks(options: LinksOptions): Links {
  return new OpenLinks(options);
}

class OpenLinks implements Links {
  readonly self: NodeRef;
  readonly #context: LinkContext;
  /** Lives of each node, few at a time. */
  readonly #peers: Map<NodeId, Peer[]> = new Map();
  /** The last life of each node that is over: older ones are too. */
  readonly #over: Map<NodeId, number> = new Map();
  /** Connections that haven't said hello, with how long they may take. */
  readonly #strangers: Map<Connection, Timer> = new Map();
  readonly #lossListeners: Set<(loss: PeerLoss) => void> = new Set();
  readonly #ticks: Timer;
  #receiver: (from: NodeRef, lane: Lane, envelope: Envelope) => void | Promise<void> = () => {};
  #closed = false;

  constructor(options: LinksOptions) {
    this.self = options.self;
    this.#context = {
      ...options,
      limits: { ...DEFAULT_LINK_LIMITS, ...options.limits },
      deliver: (from, lane, envelope) => this.#deliver(from, lane, envelope),
    };
    this.#ticks = options.clock.repeat(this.#context.limits.pingMs, () => {
      for (const peer of this.#everyPeer()) for (const lane of peer.out.values()) lane.tick();
    });
  }

  peerUp(ref: NodeRef, address: string): void {
    if (this.#closed || this.#isOver(ref)) return;
    this.#peer(ref).address = address;
  }

  peerDown(ref: NodeRef, reason: string): void {
    this.#over.set(ref.node, Math.max(ref.incarnation, this.#over.get(ref.node) ?? 0));
    const lives = this.#peers.get(ref.node) ?? [];
    const staying = lives.filter((peer) => !this.#isOver(peer.ref));
    if (staying.length === 0) this.#peers.delete(ref.node);
    else this.#peers.set(ref.node, staying);
    for (const peer of lives) if (this.#isOver(peer.ref)) this.#lose(peer, reason);
  }

  send(ref: NodeRef, lane: Lane, envelope: Envelope): boolean {
    const peer = this.#find(ref);
    if (peer?.address === undefined) {
      if (this.#closed) throw new TroupeError('SHUTTING_DOWN', 'the links are closed', { address: ref.node });
      throw new TroupeError('NODE_UNAVAILABLE', `${nodeRefKey(ref)} is not known to be up`, { address: ref.node });
    }
    let out = peer.out.get(lane);
    if (out === undefined) {
      out = new Outbound(this.#context, peer.ref, lane, () => peer.address!);
      peer.out.set(lane, out);
    }
    return out.send(envelope);
  }

  writable(ref: NodeRef, lane: Lane): Promise<void> {
    return this.#find(ref)?.out.get(lane)?.writable() ?? Promise.resolve();
  }

  onEnvelope(receiver: (from: NodeRef, lane: Lane, envelope: Envelope) => void | Promise<void>): void {
    this.#receiver = receiver;
  }

  onPeerLost(listener: (loss: PeerLoss) => void): () => void {
    this.#lossListeners.add(listener);
    return () => this.#lossListeners.delete(listener);
  }

  async flush(timeoutMs: number): Promise<void> {
    const lanes = [...this.#everyPeer()].flatMap((peer) => [...peer.out.values()]);
    const patience = new AbortController();
    const flushed = Promise.all(lanes.map((lane) => lane.flushed())).then(() => patience.abort());
    await Promise.race([flushed, delay(this.#context.clock, timeoutMs, patience.signal)]);
  }

  /** What isn't acknowledged by now is given up without a word; `flush` first. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#ticks.cancel();
    for (const peer of this.#everyPeer()) {
      for (const lane of peer.out.values()) lane.close();
      for (const lane of peer.in.values()) lane.close();
    }
    this.#peers.clear();
    for (const connection of this.#strangers.keys()) this.#turnAway(connection);
  }

  accept(connection: Connection): void {
    if (this.#closed || this.#strangers.size >= STRANGERS_MAX) {
      connection.close();
      return;
    }
    const { clock, limits, logger } = this.#context;
    this.#strangers.set(
      connection,
      clock.schedule(limits.helloMs, () => this.#turnAway(connection)),
    );
    const decoder = new FrameDecoder();
    connection.onClose(() => this.#forget(connection));
    connection.onFrame((bytes) => {
      this.#forget(connection);
      try {
        const { hello } = decoder.decode(bytes);
        if (hello === undefined) throw new TroupeError('PROTOCOL_VIOLATION', 'the first frame is no hello');
        this.#welcome(connection, decoder, hello);
      } catch (error) {
        logger.debug('link turned away', { error });
        connection.write(encodeFrame({ refusal: toErrorDetail(error) }));
        connection.close();
      }
    });
  }

  #turnAway(connection: Connection): void {
    this.#forget(connection);
    connection.close();
  }

  #forget(stranger: Connection): void {
    this.#strangers.get(stranger)?.cancel();
    this.#strangers.delete(stranger);
  }

  #deliver(from: NodeRef, lane: Lane, envelope: Envelope): void | Promise<void> {
    try {
      return this.#receiver(from, lane, envelope);
    } catch (error) {
      // The receiver promised not to: the message is lost, the link isn't.
      this.#context.logger.error('the receiver of envelopes threw', { to: envelope.to, error });
      return undefined;
    }
  }

  #welcome(connection: Connection, decoder: FrameDecoder, hello: LinkHello__Output): void {
    const from = { node: hello.from?.node ?? '', incarnation: hello.from?.incarnation ?? 0 };
    const to = { node: hello.to?.node ?? '', incarnation: hello.to?.incarnation ?? 0 };
    const { clusterId } = this.#context;
    if (hello.protocol !== LINK_PROTOCOL) throw otherProtocol(from.node, hello.protocol);
    if (hello.cluster !== clusterId) {
      const said = `${this.self.node} is of cluster ${clusterId}, not of ${hello.cluster}`;
      throw new TroupeError('IDENTITY_MISMATCH', said, { address: this.self.node });
    }
    checkProven(connection.peer, from.node, this.#context.logger);
    if (nodeRefKey(to) !== nodeRefKey(this.self)) {
      const said = `${nodeRefKey(this.self)} listens here, not ${nodeRefKey(to)}`;
      throw new TroupeError('IDENTITY_MISMATCH', said, { address: this.self.node });
    }
    if (this.#isOver(from)) {
      throw new TroupeError('NODE_FENCED', `${nodeRefKey(from)} was declared dead`, { address: from.node });
    }
    const lane = LANES.find((name) => name.toUpperCase() === hello.lane);
    if (lane === undefined || from.node === '') throw new TroupeError('PROTOCOL_VIOLATION', 'the hello is incomplete');
    const peer = this.#peer(from);
    const inbound = peer.in.get(lane) ?? new Inbound(this.#context, peer.ref, lane);
    peer.in.set(lane, inbound);
    inbound.adopt(connection, decoder, hello.attempt ?? 0, hello.acknowledged ?? 0);
  }

  #isOver(ref: NodeRef): boolean {
    return ref.incarnation <= (this.#over.get(ref.node) ?? -1);
  }

  #find(ref: NodeRef): Peer | undefined {
    const lives = this.#peers.get(ref.node);
    if (lives !== undefined) for (const peer of lives) if (peer.ref.incarnation === ref.incarnation) return peer;
    return undefined;
  }

  #peer(ref: NodeRef): Peer {
    const known = this.#find(ref);
    if (known !== undefined) return known;
    const peer: Peer = { ref: { ...ref }, address: undefined, out: new Map(), in: new Map() };
    const lives = this.#peers.get(ref.node);
    if (lives === undefined) this.#peers.set(ref.node, [peer]);
    else lives.push(peer);
    return peer;
  }

  *#everyPeer(): Generator<Peer> {
    for (const lives of this.#peers.values()) yield* lives;
  }

  #lose(peer: Peer, reason: string): void {
    for (const lane of peer.in.values()) lane.close();
    const unacknowledged = LANES.flatMap((lane) => peer.out.get(lane)?.close() ?? []);
    for (const listener of this.#lossListeners) listener({ peer: peer.ref, reason, unacknowledged });
  }
}
