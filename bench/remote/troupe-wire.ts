import { ActorSystem, type Ref } from '../../src/actor/index.ts';
import { Peers } from '../../src/cluster/index.ts';
import { type NodeRef, nullLogger, systemClock, systemRandom } from '../../src/core/index.ts';
import { type Links, openGrpcTransport, openLinks, Tls, type TlsFiles } from '../../src/remote/index.ts';
import { decodePayload, encodePayload } from '../../src/wire/index.ts';
import type { Arrived, Wire } from './wire.ts';

const ASK_TIMEOUT_MS = 5_000;
const CLUSTER = 'bench';

/** Ours: an actor on each node, links between them over gRPC. */
export class TroupeWire implements Wire {
  readonly address: string;
  readonly #links: Links;
  readonly #peers: Peers;
  readonly #peer: NodeRef;
  readonly #counter: Ref<unknown>;
  #arrivedMessages = 0;
  #arrivedBytes = 0;

  /**
   * @param self name of this process's node
   * @param other name of the other one's
   * @param files certificates; in clear without
   */
  static async open(self: string, other: string, files?: TlsFiles): Promise<TroupeWire> {
    const shared = { clock: systemClock, logger: nullLogger };
    const tls = files && new Tls({ files, cluster: CLUSTER, node: self, ...shared });
    const transport = openGrpcTransport({ tls });
    let links: Links | undefined;
    const address = await transport.listen('127.0.0.1:0', (connection) => links?.accept(connection));
    links = openLinks({
      self: { node: self, incarnation: 1 },
      clusterId: CLUSTER,
      transport,
      random: systemRandom,
      ...shared,
    });
    return new TroupeWire(address, links, { node: other, incarnation: 1 });
  }

  private constructor(address: string, links: Links, peer: NodeRef) {
    this.address = address;
    this.#links = links;
    this.#peer = peer;
    this.#peers = new Peers(links, systemClock);
    this.#counter = new ActorSystem().spawn<unknown>(
      () => ({
        receive: (body) => {
          this.#arrivedMessages++;
          this.#arrivedBytes += (body as Uint8Array).byteLength;
        },
      }),
      { mailbox: { capacity: 1_000_000 } },
    );
    this.#peers.onAgentEnvelope((envelope) => void this.#counter.tell(decodePayload(envelope.payload)));
    this.#peers.serve('echo', async (_method, payload) => encodePayload(decodePayload(payload)));
  }

  async connect(address: string): Promise<void> {
    this.#links.peerUp(this.#peer, address);
  }

  tell(body: Uint8Array): boolean {
    return this.#links.send(this.#peer, 'user', {
      kind: 'tell',
      to: 'actor:counter',
      correlation: 0,
      method: 'count',
      payload: encodePayload(body),
    });
  }

  writable(): Promise<void> {
    return this.#links.writable(this.#peer, 'user');
  }

  async ask(body: Uint8Array): Promise<Uint8Array> {
    const reply = await this.#peers.request(this.#peer, 'user', 'echo', 'echo', encodePayload(body), ASK_TIMEOUT_MS);
    return decodePayload(reply) as Uint8Array;
  }

  arrived(): Arrived {
    const arrived = { messages: this.#arrivedMessages, bytes: this.#arrivedBytes };
    this.#arrivedMessages = 0;
    this.#arrivedBytes = 0;
    return arrived;
  }
}
