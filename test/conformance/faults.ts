import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { type Clock, systemClock } from '../../src/core/index.ts';
import type { Connection, Transport } from '../../src/remote/index.ts';

/** Which way of a connection a fault is on: `there` is what the dialler writes, `back` what the listener does. */
export type Way = 'there' | 'back';

/** What goes wrong with one connection, after so many more bytes one way. */
export interface Fault {
  /**
   * `cut`: the connection ends, within a frame or not · `half-open`: it ends for the reader of that way only, the other side
   * never hears · `hole`: from here on bytes vanish that way · `stall`: nobody reads for `forMs` · `garbage`: the next bytes are
   * others · `twice`: the next dial arrives as two connections that say the same
   */
  readonly type: 'cut' | 'half-open' | 'hole' | 'stall' | 'garbage' | 'twice';
  readonly way: Way;
  readonly afterBytes: number;
  readonly forMs: number;
  /** Xored with what passes. */
  readonly garbage: Uint8Array;
  /** Which of the connections there are, counted round. */
  readonly which: number;
}

/** Something that faults happen to. */
interface Victim {
  arm(fault: Fault): void;
}

/** Faults for the connections of one way between two nodes: to one that there is, or else to the next. */
class Faults<V extends Victim> {
  readonly victims: Set<V> = new Set();
  #waiting: Fault[] = [];
  #twice = false;

  inject(fault: Fault): void {
    if (fault.type === 'twice') this.#twice = true;
    else if (this.victims.size === 0) this.#waiting.push(fault);
    else [...this.victims][fault.which % this.victims.size]?.arm(fault);
  }

  born(victim: V): void {
    this.victims.add(victim);
    for (const fault of this.#waiting.splice(0)) victim.arm(fault);
  }

  /** Whether the connection that is being made arrives twice. */
  takeTwice(): boolean {
    const twice = this.#twice;
    this.#twice = false;
    return twice;
  }
}

/** The faults that wait on one way of a connection, in order. */
class Armed {
  readonly #faults: { readonly fault: Fault; left: number }[] = [];
  #garbage: Uint8Array = new Uint8Array(0);

  push(fault: Fault): void {
    this.#faults.push({ fault, left: fault.afterBytes });
  }

  /** Bends bytes where garbage is due. @returns those before the next fault, which is then `due` */
  pass(bytes: Buffer): { readonly before: Buffer; readonly due: Fault | undefined } {
    const out = Buffer.from(bytes);
    let at = 0;
    for (let next = this.#faults[0]; ; next = this.#faults[0]) {
      const end = next === undefined ? out.byteLength : Math.min(out.byteLength, at + next.left);
      for (; at < end && this.#garbage.byteLength > 0; at++) {
        out[at]! ^= this.#garbage[0]!;
        this.#garbage = this.#garbage.subarray(1);
        if (next !== undefined) next.left--;
      }
      if (next !== undefined) next.left -= end - at;
      at = end;
      if (next === undefined || at === out.byteLength) return { before: out, due: undefined };
      this.#faults.shift();
      if (next.fault.type !== 'garbage') return { before: out.subarray(0, at), due: next.fault };
      this.#garbage = next.fault.garbage;
    }
  }
}

/** One TCP connection through the proxy. */
class ProxiedSocket implements Victim {
  readonly #ends: Readonly<Record<Way, { readonly from: Socket; readonly to: Socket }>>;
  readonly #armed: Readonly<Record<Way, Armed>> = { there: new Armed(), back: new Armed() };
  readonly #deaf: Set<Way> = new Set();

  /** @param twin gets everything that the dialler writes too; nobody hears its answers */
  constructor(near: Socket, far: Socket, twin: Socket | undefined, onOver: () => void) {
    this.#ends = { there: { from: near, to: far }, back: { from: far, to: near } };
    twin?.on('error', () => {}).resume();
    for (const way of ['there', 'back'] as const) {
      const { from, to } = this.#ends[way];
      from.on('error', () => {});
      from.on('data', (bytes: Buffer) => {
        if (way === 'there' && twin?.writable) twin.write(bytes);
        this.#pass(way, bytes);
      });
      from.on('end', () => this.#deaf.has(way) || to.end());
      from.on('close', () => {
        if (this.#deaf.size > 0) return;
        onOver();
        twin?.destroy();
        to.destroySoon();
      });
      to.on('drain', () => from.resume());
    }
  }

  arm(fault: Fault): void {
    this.#armed[fault.way].push(fault);
  }

  destroy(): void {
    this.#ends.there.from.resetAndDestroy();
    this.#ends.there.to.resetAndDestroy();
  }

  #pass(way: Way, bytes: Buffer): void {
    const { from, to } = this.#ends[way];
    if (this.#deaf.has(way) || !to.writable) return;
    const { before, due } = this.#armed[way].pass(bytes);
    if (!to.write(before)) from.pause();
    if (due === undefined) return;
    if (due.type === 'cut') {
      // What came before gets out, to the byte.
      to.destroySoon();
      from.resetAndDestroy();
    } else if (due.type === 'hole') this.#deaf.add(way);
    else if (due.type === 'half-open') {
      this.#deaf.add('there').add('back');
      to.resetAndDestroy();
    } else {
      from.pause();
      systemClock.schedule(due.forMs, () => from.resume());
      this.#pass(way, bytes.subarray(before.byteLength));
    }
  }
}

/** A TCP proxy before one listener. */
export class FaultProxy implements Disposable {
  readonly address: string;
  readonly #server: Server;
  readonly #faults: Faults<ProxiedSocket>;

  private constructor(server: Server, faults: Faults<ProxiedSocket>) {
    this.#server = server;
    this.#faults = faults;
    this.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async to(address: string): Promise<FaultProxy> {
    const port = Number(address.split(':')[1]);
    const faults = new Faults<ProxiedSocket>();
    const server = createServer((near) => {
      const open = (): Socket => connect(port, '127.0.0.1').setNoDelay();
      const twin = faults.takeTwice() ? open() : undefined;
      const socket = new ProxiedSocket(near.setNoDelay(), open(), twin, () => faults.victims.delete(socket));
      faults.born(socket);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FaultProxy(server, faults);
  }

  inject(fault: Fault): void {
    this.#faults.inject(fault);
  }

  [Symbol.dispose](): void {
    this.#server.close();
    for (const socket of this.#faults.victims) socket.destroy();
  }
}

/** A connection in memory, as its dialler has it. */
class FaultyConnection implements Connection, Victim {
  readonly #inner: Connection;
  readonly #twin: Connection | undefined;
  readonly #clock: Clock;
  readonly #over: () => void;
  readonly #armed: Readonly<Record<Way, Armed>> = { there: new Armed(), back: new Armed() };
  readonly #deaf: Set<Way> = new Set();
  /** Frames behind a stall, each way; undefined while there is none. */
  readonly #stalled: Partial<Record<Way, Uint8Array[]>> = {};
  #onFrame: (frame: Uint8Array) => void = () => {};
  #onDrain: () => void = () => {};
  #onClose: (reason: string) => void = () => {};

  constructor(inner: Connection, twin: Connection | undefined, clock: Clock, over: () => void) {
    this.#inner = inner;
    this.#twin = twin;
    this.#clock = clock;
    this.#over = over;
    twin?.onFrame(() => {});
    inner.onFrame((frame) => this.#pass('back', frame));
    inner.onDrain(() => {
      if (this.#stalled.there === undefined) this.#onDrain();
    });
    inner.onClose((reason) => {
      if (this.#deaf.size === 0) this.#end(reason);
    });
  }

  arm(fault: Fault): void {
    this.#armed[fault.way].push(fault);
  }

  write(frame: Uint8Array): boolean {
    this.#twin?.write(frame);
    return this.#pass('there', frame);
  }

  onFrame(listener: (frame: Uint8Array) => void): void {
    this.#onFrame = listener;
  }

  onDrain(listener: () => void): void {
    this.#onDrain = listener;
  }

  onClose(listener: (reason: string) => void): void {
    this.#onClose = listener;
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  close(): void {
    this.#onClose = () => {};
    this.#over();
    this.#twin?.close();
    // Of a half-open connection the other side hears nothing.
    if (!this.#deaf.has('there')) this.#inner.close();
    this.#deaf.add('there').add('back');
  }

  #end(reason: string): void {
    const onClose = this.#onClose;
    this.close();
    onClose(reason);
  }

  #pass(way: Way, frame: Uint8Array): boolean {
    if (this.#deaf.has(way)) return true;
    const stalled = this.#stalled[way];
    if (stalled !== undefined) {
      stalled.push(frame);
      return way === 'back' || stalled.length < 16;
    }
    const { before, due } = this.#armed[way].pass(Buffer.from(frame));
    if (due === undefined) {
      if (way === 'there') return this.#inner.write(before);
      this.#onFrame(before);
      return true;
    }
    if (due.type === 'stall') {
      this.#stalled[way] = [frame];
      this.#clock.schedule(due.forMs, () => this.#goOn(way));
    } else if (due.type === 'hole') this.#deaf.add(way);
    else if (due.type === 'cut') this.#clock.yieldThen(() => this.#end('cut'));
    else if (way === 'there') {
      this.#inner.close();
      this.#deaf.add('there').add('back');
    } else {
      this.#deaf.add('there').add('back');
      this.#clock.yieldThen(() => this.#end('half-open'));
    }
    return true;
  }

  #goOn(way: Way): void {
    const frames = this.#stalled[way] ?? [];
    delete this.#stalled[way];
    let writable = true;
    for (const frame of frames) writable = this.#pass(way, frame);
    if (way === 'there' && writable) this.#onDrain();
  }
}

/** A transport in memory whose dials meet faults. */
export class FaultyTransport implements Transport {
  readonly #inner: Transport;
  readonly #clock: Clock;
  readonly #faults: Faults<FaultyConnection> = new Faults();

  constructor(inner: Transport, clock: Clock) {
    this.#inner = inner;
    this.#clock = clock;
  }

  listen(address: string, onConnection: (connection: Connection) => void): Promise<string> {
    return this.#inner.listen(address, onConnection);
  }

  dial(...to: Parameters<Transport['dial']>): Connection {
    const twin = this.#faults.takeTwice() ? this.#inner.dial(...to) : undefined;
    const connection = new FaultyConnection(this.#inner.dial(...to), twin, this.#clock, () =>
      this.#faults.victims.delete(connection),
    );
    this.#faults.born(connection);
    return connection;
  }

  inject(fault: Fault): void {
    this.#faults.inject(fault);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
