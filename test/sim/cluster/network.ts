import { Deque, type Random, TroupeError } from '../../../src/core/index.ts';
import type { Connection, Streams } from '../../../src/remote/index.ts';
import { exponential } from '../plan.ts';
import type { Tally } from '../tally.ts';
import type { Trace } from '../trace.ts';
import type { Actor, World } from '../world.ts';

/** Frames under way before `write` says false. */
const FRAMES_HIGH = 16;
/** A frame that is lost comes this much later, as TCP sends it again, ms. */
const RESEND_MS = 200;
/** Nothing passes for this long: the connection is given up by whoever has written, ms. */
const STUCK_MS = 15_000;
/** A dial that nobody answers fails after this, ms. */
const DIAL_MS = 5_000;

/** How links behave. */
export interface Weather {
  /** Least time under way, ms, and the mean of what is added to it. */
  readonly delayMs: number;
  readonly jitterMs: number;
  /** Share of frames that TCP must send again, 0 to 0.3. */
  readonly loss: number;
}

/** Ports whose connections look by themselves whether the other side is still there: how often, and how long they wait for it, ms. */
const KEEPALIVE: Readonly<Record<string, readonly [everyMs: number, timeoutMs: number]>> = {
  control: [2_000, 3_000],
  data: [20_000, 10_000],
};

/** One host: a machine that has, or hasn't, power. */
export interface Host {
  readonly actor: Actor;
  /** Whether its kernel answers: a host without power says nothing, not even that nobody listens. */
  readonly powered: boolean;
}

interface Listener {
  readonly host: Host;
  readonly life: number;
  readonly onStream: (connection: Connection, method: string) => void;
}

/**
 * Connections between hosts as TCP makes them: in order, nothing lost while they last. What meets a partition waits until that
 * heals or the connection is given up; a dead process's connections break at once, those of a machine without power are not missed
 * before somebody writes.
 */
export class StreamNetwork {
  weather: Weather;
  readonly #world: World;
  readonly #random: Random;
  readonly #tally: Tally;
  readonly #trace: Trace;
  readonly #hosts: Map<string, Host> = new Map();
  readonly #listeners: Map<string, Listener> = new Map();
  readonly #blocks: Map<string, number> = new Map();
  readonly #slow: Map<string, number> = new Map();
  readonly #pipes: Set<Pipe> = new Set();
  #nextPort = 1;

  constructor(world: World, random: Random, weather: Weather, tally: Tally, trace: Trace) {
    this.#world = world;
    this.#random = random;
    this.weather = weather;
    this.#tally = tally;
    this.#trace = trace;
  }

  /** The streams of one port of a host, in its present life. */
  streams<Method extends string>(host: Host, name: string): Streams<Method> {
    const { actor } = host;
    const { life } = actor;
    this.#hosts.set(actor.name, host);
    const own = new Set<string>();
    const dialled = new Set<Pipe>();
    return {
      listen: async (address, onStream) => {
        const bound = address.endsWith(':0') ? `${actor.name}:${this.#nextPort++}` : address;
        if (this.#listeners.get(bound)?.life === life) throw new TroupeError('PORT_IN_USE', `${bound} is in use`);
        this.#listeners.set(bound, { host, life, onStream: (pipe, method) => onStream(pipe, method as Method) });
        own.add(bound);
        return bound;
      },
      dial: (address, method) => {
        const pipe = this.#dial(host, address, method, name);
        dialled.add(pipe);
        return pipe;
      },
      close: async () => {
        for (const address of own) this.#listeners.delete(address);
        for (const pipe of this.#pipes)
          if (dialled.has(pipe) || own.has(pipe.address)) pipe.reset('the other side is gone');
      },
    };
  }

  /** The process of a host died: its connections break, as its kernel says so to the others. */
  broken(host: Host, other?: Host): void {
    for (const pipe of this.#pipes) {
      const ends = [pipe.host, pipe.other.host];
      if (ends.includes(host) && (other === undefined || ends.includes(other))) pipe.reset('connection reset');
    }
  }

  /** The power of a host is gone: nobody is told. Who is connected to it finds out by asking. */
  vanished(host: Host): void {
    for (const pipe of this.#pipes) if (pipe.open && pipe.other.host === host) this.ask(pipe);
  }

  /** Lets nothing pass in this direction until the returned function is called. */
  block(from: string, to: string): () => void {
    const way = `${from}>${to}`;
    let blocks = true;
    this.#blocks.set(way, (this.#blocks.get(way) ?? 0) + 1);
    for (const pipe of this.#pipes) {
      const [here, there] = [pipe.host.actor.name, pipe.other.host.actor.name];
      const crosses = (here === from && there === to) || (here === to && there === from);
      if (pipe.open && crosses) this.ask(pipe);
    }
    return () => {
      if (!blocks) return;
      blocks = false;
      this.#blocks.set(way, (this.#blocks.get(way) ?? 0) - 1);
    };
  }

  /** Adds to the delay of a port's connections in this direction; 0 ends it. */
  slow(from: string, to: string, port: string, byMs: number): void {
    this.#slow.set(`${from}>${to}.${port}`, byMs);
  }

  blocked(from: string, to: string): boolean {
    return (this.#blocks.get(`${from}>${to}`) ?? 0) > 0;
  }

  /** How long something takes from one to the other, ms. */
  delay(from: string, to: string, port?: string): number {
    const { delayMs, jitterMs, loss } = this.weather;
    let takes = delayMs + exponential(this.#random, jitterMs) + (this.#slow.get(`${from}>${to}.${port}`) ?? 0);
    for (let again = RESEND_MS; this.#random.next() < loss; again *= 2) {
      takes += again;
      this.#tally.count('frames sent again');
    }
    return takes;
  }

  /** A connection looks soon whether the other side is still there, and has still this connection. */
  ask(pipe: Pipe): void {
    const [everyMs, timeoutMs] = KEEPALIVE[pipe.port] as readonly [number, number];
    const { actor } = pipe.host;
    const there = pipe.other.host;
    const silent = (): boolean =>
      !there.powered || this.blocked(actor.name, there.actor.name) || this.blocked(there.actor.name, actor.name);
    this.#world.schedule(everyMs * this.#random.next(), actor, () => {
      if (silent())
        this.#world.schedule(timeoutMs, actor, () => (silent() ? pipe.end('no sign of life') : this.ask(pipe)));
      else if (!pipe.other.alive || !pipe.other.open) pipe.end('connection reset');
    });
  }

  #dial(host: Host, address: string, method: string, port: string): Pipe {
    const listener = this.#listeners.get(address);
    const target = this.#hosts.get(address.split(':')[0] as string) as Host;
    const here = new Pipe(this.#world, this, host, address, port);
    const there = new Pipe(this.#world, this, target, address, port);
    here.other = there;
    there.other = here;
    for (const pipe of this.#pipes) if (!pipe.open && !pipe.other.open) this.#pipes.delete(pipe);
    this.#pipes.add(here).add(there);
    const [from, to] = [host.actor.name, target.actor.name];
    this.#trace.note(this.#world.now, from, 'dials', to, port, method);
    const fail = (inMs: number, reason: string): void =>
      void this.#world.schedule(inMs, host.actor, () => here.end(reason));
    if (!target.powered || this.blocked(from, to)) fail(DIAL_MS, `${address} doesn't answer`);
    else if (listener === undefined || listener.life !== target.actor.life)
      fail(2 * this.delay(from, to), `nobody listens at ${address}`);
    else here.connect(() => listener.onStream(there, method));
    return here;
  }
}

/** What travels: a frame, or something that the other side's kernel says. */
type Parcel = { readonly dueMs: number } & ({ readonly frame: Uint8Array } | { readonly word: () => void });

/** One end of a connection. */
class Pipe implements Connection {
  readonly host: Host;
  readonly address: string;
  readonly port: string;
  other!: Pipe;
  open = true;
  readonly #world: World;
  readonly #network: StreamNetwork;
  readonly #life: number;
  /** On their way to this end, or here and not read yet; in order. */
  readonly #inbox: Deque<Parcel> = new Deque();
  #lastAt = 0;
  #pumping = false;
  #stuckSince: number | undefined;
  #paused = false;
  #full = false;
  #onFrame: ((frame: Uint8Array) => void) | undefined;
  #onDrain: (() => void) | undefined;
  #onClose: ((reason: string) => void) | undefined;

  constructor(world: World, network: StreamNetwork, host: Host, address: string, port: string) {
    this.#world = world;
    this.#network = network;
    this.host = host;
    this.address = address;
    this.port = port;
    this.#life = host.actor.life;
  }

  /** The dial reaches the other side, if that is still the life it was meant for. */
  connect(accept: () => void): void {
    this.other.#take({ word: accept });
  }

  write(frame: Uint8Array): boolean {
    const { other } = this;
    if (!this.open) return false;
    other.#take({ frame: new Uint8Array(frame) });
    if (other.#inbox.length >= FRAMES_HIGH) other.#full = true;
    return !other.#full;
  }

  onFrame(listener: (frame: Uint8Array) => void): void {
    this.#onFrame = listener;
    this.#pump(0);
  }

  onDrain(listener: () => void): void {
    this.#onDrain = listener;
  }

  onClose(listener: (reason: string) => void): void {
    this.#onClose = listener;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#pump(0);
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.#tell('the other side closed the connection');
  }

  /** The connection is gone; the other side hears so when it can be told. */
  reset(reason: string): void {
    if (!this.open) return;
    this.end(reason);
    this.#tell(reason);
  }

  /** This end is told that the connection is over. */
  end(reason: string): void {
    if (!this.open) return;
    this.open = false;
    if (this.alive) this.#world.schedule(0, this.host.actor, () => this.#onClose?.(reason));
    if (this.other.open && this.other.alive) this.#network.ask(this.other);
  }

  #tell(reason: string): void {
    const { other } = this;
    if (other.open && other.alive) other.#take({ word: () => other.end(reason) });
  }

  get alive(): boolean {
    return this.#life === this.host.actor.life;
  }

  #take(what: { readonly frame: Uint8Array } | { readonly word: () => void }): void {
    const { now } = this.#world;
    const takes = this.#network.delay(this.other.host.actor.name, this.host.actor.name, this.port);
    this.#lastAt = Math.max(this.#lastAt, now + takes);
    this.#inbox.push({ dueMs: this.#lastAt, ...what });
    this.#pump(this.#lastAt - now);
  }

  #pump(inMs: number): void {
    if (this.#pumping || this.#inbox.length === 0) return;
    this.#pumping = true;
    this.#world.schedule(inMs, this.host.actor, () => this.#arrive(), true);
  }

  /** What is due is here, unless something is in its way. */
  #arrive(): void {
    this.#pumping = false;
    const { now } = this.#world;
    if (this.#isStuck()) return;
    while (!this.#paused) {
      const next = this.#inbox.peek();
      if (next === undefined || ('frame' in next && this.open && this.alive && this.#onFrame === undefined)) break;
      if (next.dueMs > now) {
        this.#pump(next.dueMs - now);
        break;
      }
      this.#inbox.shift();
      if (!this.alive) this.#tell('connection reset');
      else if ('word' in next) next.word();
      else if (this.open) this.#onFrame?.(next.frame);
    }
    if (this.#full && this.#inbox.length === 0) this.#drained();
  }

  /** A partition, or no power: it is sent again and again, until whoever has written gives up. */
  #isStuck(): boolean {
    const { now } = this.#world;
    const { other, host } = this;
    if (host.powered && !this.#network.blocked(other.host.actor.name, host.actor.name)) {
      this.#stuckSince = undefined;
      return false;
    }
    this.#stuckSince ??= now;
    if (now - this.#stuckSince <= STUCK_MS && other.open && other.alive) this.#pump(RESEND_MS);
    else other.end('the connection timed out');
    return true;
  }

  #drained(): void {
    this.#full = false;
    const { other } = this;
    if (!other.open || !other.alive) return;
    this.#world.schedule(0, other.host.actor, () => {
      if (other.open) other.#onDrain?.();
    });
  }
}
