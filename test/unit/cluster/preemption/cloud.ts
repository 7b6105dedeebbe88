import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Notice, PreemptionSource, SourceListener, SourceWatch } from '../../../../src/cluster/index.ts';
import { SeededRandom, systemClock, type TroupeError } from '../../../../src/core/index.ts';
import { ManualClock } from '../../../../src/testkit/clock.ts';

/** A request as the metadata service saw it. */
export interface Seen {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** What it answers: a status with a body, or a misdeed. */
export type Reply =
  | { readonly status: number; readonly body?: string; readonly headers?: Record<string, string> }
  | 'hang'
  | 'cut'
  | 'cut in the middle'
  | 'hang in the middle';

interface Tls {
  readonly cert: string;
  readonly key: string;
}

/** A metadata service on this machine, which answers what a test wants. */
export class Cloud implements AsyncDisposable {
  readonly requests: Seen[] = [];
  /** What is answered, once it is known: a promise holds the question. */
  answer: (seen: Seen) => Reply | Promise<Reply> = () => ({ status: 404 });
  readonly #server: Server;
  readonly #scheme: 'http' | 'https';

  private constructor(tls: Tls | undefined) {
    const serve = (request: IncomingMessage, response: ServerResponse): void => void this.#serve(request, response);
    this.#server = tls === undefined ? createServer(serve) : createSecureServer(tls, serve);
    this.#scheme = tls === undefined ? 'http' : 'https';
  }

  static async start(tls?: Tls): Promise<Cloud> {
    const cloud = new Cloud(tls);
    await new Promise<void>((resolve) => cloud.#server.listen(0, '127.0.0.1', resolve));
    return cloud;
  }

  get address(): string {
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Requests of a path, by its beginning. */
  asked(path: string, method = 'GET'): Seen[] {
    return this.requests.filter((seen) => seen.method === method && seen.path.startsWith(path));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url = '', headers } = request;
    const seen = { method, path: url, headers, body: Buffer.concat(chunks).toString() };
    this.requests.push(seen);
    const reply = await this.answer(seen);
    if (reply === 'hang') return;
    if (reply === 'cut') return void request.socket.destroy();
    if (reply === 'cut in the middle' || reply === 'hang in the middle') {
      response.writeHead(200, { 'content-length': '1000' });
      const cut = reply === 'cut in the middle' ? () => request.socket.destroy() : undefined;
      return void response.write('{"half":', cut);
    }
    response.writeHead(reply.status, reply.headers).end(reply.body ?? '');
  }

  /** Answers nobody any more: connections are refused from now on. */
  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.close();
  }
}

/** Hears one source. */
export class Ear implements SourceListener {
  readonly name: string;
  readonly watch: SourceWatch;
  /** What stands now; undefined while nothing was heard. */
  notices: readonly Notice[] | undefined;
  /** Code of the trouble there is. */
  code: string | undefined;
  /** Looks that have ended. */
  looks = 0;

  constructor(source: PreemptionSource) {
    this.name = source.name;
    this.watch = source.start(this);
  }

  standing(notices: readonly Notice[]): void {
    this.notices = notices;
  }

  trouble(error: TroupeError | undefined): void {
    this.code = error?.code;
    this.looks++;
  }
}

/** Sources under a clock that stands still while requests are on their way. */
export class Station implements Disposable {
  readonly clock: ManualClock = new ManualClock();
  readonly random: SeededRandom = new SeededRandom(1);
  readonly ears: Ear[] = [];

  listen(...sources: readonly PreemptionSource[]): void {
    for (const source of sources) this.ears.push(new Ear(source));
  }

  /** The ear of a source. */
  ear(name: string): Ear {
    const found = this.ears.find((ear) => ear.name === name);
    if (found === undefined) throw new RangeError(`no source ${name}; there are ${this.ears.map((ear) => ear.name)}`);
    return found;
  }

  /** Lets `ms` pass, then waits until each of these sources has looked once more. */
  async step(ms: number, ears: readonly Ear[] = this.ears): Promise<void> {
    const before = ears.map(({ looks }) => looks);
    await this.clock.advance(ms);
    await until('each source has looked', () => ears.every(({ looks }, i) => looks > (before[i] as number)));
  }

  [Symbol.dispose](): void {
    for (const { watch } of this.ears) watch.stop();
  }
}

/** Waits for real requests, without time: 10 s at most. */
export async function until(what: string, done: () => boolean): Promise<void> {
  const from = systemClock.monotonic();
  while (!done()) {
    if (systemClock.monotonic() - from > 10_000) throw new RangeError(`not within 10 s: ${what}`);
    await new Promise<void>((resolve) => systemClock.yieldThen(resolve));
  }
}
