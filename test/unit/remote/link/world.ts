import { type NodeRef, nullLogger, SeededRandom } from '../../../../src/core/index.ts';
import {
  DEFAULT_LINK_LIMITS,
  type Envelope,
  type LinkLimits,
  type Links,
  MemoryNetwork,
  openLinks,
  type Transport,
} from '../../../../src/remote/index.ts';
import { ManualClock } from '../../../../src/testkit/clock.ts';

/** One node, as its program has it. */
export interface Node {
  readonly ref: NodeRef;
  readonly links: Links;
  readonly address: string;
  readonly transport: Transport;
}

/** A message to an agent. */
export const tell = (payload: Uint8Array | string, more: Partial<Envelope> = {}): Envelope => ({
  kind: 'tell',
  to: 'agent:a/b',
  correlation: 0,
  method: 'm',
  payload: typeof payload === 'string' ? new TextEncoder().encode(payload) : payload,
  ...more,
});

/** Small frames, pieces and windows, so that little traffic reaches every branch. */
const tight: Partial<LinkLimits> = {
  frameEnvelopesMax: 4,
  frameBytes: 512,
  pieceBytes: 1_024,
  receiptMessages: 8,
  lanes: {
    system: { ...DEFAULT_LINK_LIMITS.lanes.system, creditMessages: 20, creditBytes: 8_192 },
    user: { ...DEFAULT_LINK_LIMITS.lanes.user, creditMessages: 20, creditBytes: 8_192 },
    bulk: { ...DEFAULT_LINK_LIMITS.lanes.bulk, creditMessages: 5, creditBytes: 4_096 },
  },
};

/** Nodes in virtual time, on a network that does what it is told. */
export class World {
  readonly clock = new ManualClock();
  readonly random: SeededRandom;
  readonly network: MemoryNetwork;
  readonly limits: Partial<LinkLimits>;

  constructor(seed: number, limits: Partial<LinkLimits> = tight) {
    this.random = new SeededRandom(seed);
    this.network = new MemoryNetwork({ clock: this.clock, random: this.random });
    this.limits = limits;
  }

  async node(name: string): Promise<Node> {
    const ref = { node: name, incarnation: 1 };
    const transport = this.network.transport(name);
    let links: Links | undefined;
    const address = await transport.listen(`${name}:0`, (connection) => links?.accept(connection));
    links = openLinks({
      self: ref,
      clusterId: 'c',
      transport,
      clock: this.clock,
      random: this.random,
      logger: nullLogger,
      limits: this.limits,
    });
    return { ref, links, address, transport };
  }

  async pair(): Promise<[Node, Node]> {
    const a = await this.node('a');
    const b = await this.node('b');
    a.links.peerUp(b.ref, b.address);
    b.links.peerUp(a.ref, a.address);
    return [a, b];
  }
}
