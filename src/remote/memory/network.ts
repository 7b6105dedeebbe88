import { type Clock, type Random, systemClock, systemRandom, TroupeError } from '../../core/index.ts';
import { type ControlOptions, openControl } from '../control/index.ts';
import type { ControlTransport } from '../control-port.ts';
import type { Connection, Streams, Transport } from '../port.ts';
import { PipeEnd } from './pipe.ts';

interface Listener {
  readonly host: string;
  readonly onStream: (connection: Connection, method: string) => void;
}

interface Wire {
  /** Whose `close` breaks it: the port that dialled, and the address that was dialled. */
  readonly dialler: object;
  readonly address: string;
  readonly hosts: readonly [dialler: string, listener: string];
  readonly ends: readonly [dialler: PipeEnd, listener: PipeEnd];
}

/**
 * A network inside one process, for tests and simulation. Everything runs the codecs of the real one; only sockets are
 * missing. Hosts are named by whoever asks for a transport, usually after the node.
 *
 * @example
 * const network = new MemoryNetwork({ clock });
 * const a = network.transport('node-1');
 * network.cut('node-1', 'node-2');
 */
export class MemoryNetwork {
  /** How long every frame takes, ms. */
  delayMs = 0;
  /** Share of Raft batches that vanish, 0 to 1. Other streams lose nothing while they are connected. */
  raftLoss = 0;

  readonly #clock: Clock;
  readonly #random: Random;
  readonly #listeners: Map<string, Listener> = new Map();
  readonly #wires: Set<Wire> = new Set();
  readonly #cuts: Set<string> = new Set();
  readonly #holes: Set<string> = new Set();
  #nextPort = 1;

  constructor(options: { readonly clock?: Clock; readonly random?: Random } = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
  }

  /** The data port of a host. */
  transport(host: string): Transport {
    const streams = this.#streams<'Link'>(host);
    return {
      listen: (address, onConnection) => streams.listen(address, onConnection),
      dial: (address) => streams.dial(address, 'Link'),
      close: () => streams.close(),
    };
  }

  /** The control port of a node, whose host is named after it. */
  control(options: Omit<ControlOptions, 'streams' | 'clock'>): ControlTransport {
    return openControl({ ...options, streams: this.#streams(options.self), clock: this.#clock });
  }

  /** Breaks every connection between two hosts, and lets none be made until `heal`. */
  cut(a: string, b: string): void {
    this.#cuts.add(`${a}|${b}`).add(`${b}|${a}`);
    this.breakConnections(a, b);
  }

  /** Lets frames from one host to another vanish, unnoticed, until `heal`. */
  hole(from: string, to: string): void {
    this.#holes.add(`${from}|${to}`);
  }

  /** Undoes every `cut` and `hole`. What was lost stays lost. */
  heal(): void {
    this.#cuts.clear();
    this.#holes.clear();
  }

  /** Breaks the connections there are: those between two hosts, those of one, or all. */
  breakConnections(a?: string, b?: string): void {
    for (const wire of this.#wires) {
      const touches = (host: string | undefined): boolean => host === undefined || wire.hosts.includes(host);
      if (touches(a) && touches(b)) this.#break(wire, 'connection reset');
    }
  }

  #streams<Method extends string>(host: string): Streams<Method> {
    const own = new Set<string>();
    const port: Streams<Method> = {
      listen: async (address, onStream) => {
        const bound = address.endsWith(':0') ? `${host}:${this.#nextPort++}` : address;
        if (this.#listeners.has(bound)) {
          throw new TroupeError('PORT_IN_USE', `another program listens on ${bound}`, { address: bound });
        }
        this.#listeners.set(bound, {
          host,
          onStream: (connection, method) => onStream(connection, method as Method),
        });
        own.add(bound);
        return bound;
      },
      dial: (address, method) => this.#dial(port, host, address, method),
      close: async () => {
        for (const address of own) this.#listeners.delete(address);
        for (const wire of this.#wires) {
          if (wire.dialler === port || own.has(wire.address)) this.#break(wire, 'the other side is gone');
        }
      },
    };
    return port;
  }

  #dial(dialler: object, host: string, address: string, method: string): Connection {
    const target = this.#listeners.get(address)?.host ?? address;
    const end = (from: string, to: string): PipeEnd =>
      new PipeEnd(this.#clock, {
        delayMs: () => this.delayMs,
        loses: () =>
          this.#holes.has(`${from}|${to}`) ||
          (method === 'Raft' && this.raftLoss > 0 && this.#random.next() < this.raftLoss),
      });
    const ends = [end(host, target), end(target, host)] as const;
    const wire: Wire = { dialler, address, hosts: [host, target], ends };
    PipeEnd.join(...ends);
    for (const known of this.#wires) if (!known.ends[0].open && !known.ends[1].open) this.#wires.delete(known);
    this.#wires.add(wire);
    this.#later(() => {
      const listener = this.#listeners.get(address);
      if (listener === undefined || this.#cuts.has(`${host}|${target}`)) this.#break(wire, `can't reach ${address}`);
      else if (!this.#holes.has(`${host}|${target}`)) listener.onStream(ends[1], method);
    });
    return ends[0];
  }

  #break(wire: Wire, reason: string): void {
    for (const end of wire.ends) end.break(reason);
    this.#wires.delete(wire);
  }

  #later(fn: () => void): void {
    if (this.delayMs > 0) this.#clock.schedule(this.delayMs, fn);
    else this.#clock.yieldThen(fn);
  }
}
