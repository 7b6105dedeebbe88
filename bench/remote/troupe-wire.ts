import type { Ref, ReplyTo } from '../../src/actor/index.ts';
import { ClusterMap, NodeActors, Peers } from '../../src/cluster/index.ts';
import { type NodeId, nullLogger, nullTracer, systemClock, systemRandom } from '../../src/core/index.ts';
import { type Links, openGrpcTransport, openLinks, Tls, type TlsFiles } from '../../src/remote/index.ts';
import type { Arrived, Wire } from './wire.ts';

const CLUSTER = 'bench';
/** Every process has one life. */
const INCARNATION = 1;
const COUNTER = 'counter';
/** What the counter's mailbox takes: a read may bring thousands of messages at once. */
const MAIL_MAX = 65_536;

type Message = Uint8Array | { readonly body: Uint8Array; readonly reply: ReplyTo<Uint8Array> };

/** Ours: the actors of two nodes, without the ledger that tells nodes of each other; a ref of an actor on the other one is told and asked. */
export class TroupeWire implements Wire {
  readonly address: string;
  readonly #self: NodeId;
  readonly #other: NodeId;
  readonly #links: Links;
  readonly #map: ClusterMap = new ClusterMap();
  readonly #actors: NodeActors;
  #counter: Ref<Message> | undefined;
  #messages = 0;
  #bytes = 0;

  /**
   * @param self name of this process's node
   * @param other name of the other one's
   * @param files certificates; in clear without
   */
  static async open(self: NodeId, other: NodeId, files?: TlsFiles): Promise<TroupeWire> {
    const shared = { clock: systemClock, logger: nullLogger };
    const tls = files && new Tls({ files, cluster: CLUSTER, node: self, ...shared });
    const transport = openGrpcTransport({ tls });
    let links: Links | undefined;
    const address = await transport.listen('127.0.0.1:0', (connection) => links?.accept(connection));
    const life = { node: self, incarnation: INCARNATION };
    links = openLinks({ self: life, clusterId: CLUSTER, transport, random: systemRandom, ...shared });
    return new TroupeWire(address, other, links);
  }

  private constructor(address: string, other: NodeId, links: Links) {
    this.address = address;
    this.#self = links.self.node;
    this.#other = other;
    this.#links = links;
    const [clock, random, logger, tracer] = [systemClock, systemRandom, nullLogger, nullTracer];
    const peers = new Peers(links, clock);
    this.#actors = new NodeActors({ self: links.self, map: this.#map, links, peers, clock, random, logger, tracer });
    this.#actors.spawn<Message>(() => ({ receive: (message) => this.#receive(message) }), {
      name: COUNTER,
      mailbox: { capacity: MAIL_MAX },
    });
  }

  async connect(address: string): Promise<void> {
    const node = { incarnation: INCARNATION, state: 'up', labels: {}, voter: false, groups: [] } as const;
    const at = (data: string): { control: string; data: string; api: string } => ({ control: '', data, api: '' });
    const nodes = [
      { ...node, node: this.#self, addresses: at(this.address) },
      { ...node, node: this.#other, addresses: at(address) },
    ];
    this.#links.peerUp({ node: this.#other, incarnation: INCARNATION }, address);
    this.#map.accept({ type: 'view', view: { index: INCARNATION, nodes, groups: [], shards: [] } });
  }

  async find(): Promise<void> {
    this.#counter = await this.#actors.find<Message>(this.#other, COUNTER);
  }

  tell(body: Uint8Array): void {
    this.#counter?.tell(body);
  }

  async offer(body: Uint8Array): Promise<void> {
    await this.#counter?.offer(body);
  }

  async ask(body: Uint8Array): Promise<Uint8Array> {
    if (this.#counter === undefined) throw new Error('nobody to ask');
    return this.#counter.ask<Uint8Array>((reply) => ({ body, reply }));
  }

  arrived(): Arrived {
    const arrived = { messages: this.#messages, bytes: this.#bytes };
    this.#messages = 0;
    this.#bytes = 0;
    return arrived;
  }

  #receive(message: Message): void {
    if ('reply' in message) message.reply.tell(message.body);
    else {
      this.#messages++;
      this.#bytes += message.byteLength;
    }
  }
}
