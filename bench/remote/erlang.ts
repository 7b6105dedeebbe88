import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { Child, within } from '../resources.ts';
import type { Load } from './drive.ts';
import type { Pair } from './pair.ts';

const START_MS = 10_000;
/** Time beyond a load's own that all of it may take to arrive, ms. */
const ARRIVE_MS = 40_000;
const HOST = '127.0.0.1';

/** Two Erlang nodes, as they are when nothing is tuned. They need no port mapper: the sender is told the receiver's port. */
export class ErlangPair implements Pair {
  readonly #receiver: ErlangNode;
  readonly #sender: ErlangNode;

  private constructor(receiver: ErlangNode, sender: ErlangNode) {
    this.#receiver = receiver;
    this.#sender = sender;
  }

  /** @param folder where the compiled program is */
  static async open(folder: string): Promise<ErlangPair> {
    const port = await freePort();
    const receiver = new ErlangNode(folder, 'b', port, ['-run', 'troupe_bench', 'receiver']);
    await receiver.line(START_MS);
    const sender = new ErlangNode(folder, 'a', port, [
      '-dist_listen',
      'false',
      '-run',
      'troupe_bench',
      'sender',
      `b@${HOST}`,
    ]);
    await sender.line(START_MS);
    return new ErlangPair(receiver, sender);
  }

  async perSecond(load: Load, durationMs: number): Promise<number> {
    const { kind, bodyBytes } = load;
    const words = kind === 'tell' ? [kind, bodyBytes, durationMs] : [kind, load.inFlight, bodyBytes, durationMs];
    return Number(await this.#sender.tell(words.join(' '), durationMs + ARRIVE_MS));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#sender.child.kill(), this.#receiver.child.kill()]);
  }
}

class ErlangNode {
  readonly child: Child;
  readonly #lines: AsyncIterator<string>;

  constructor(folder: string, name: string, port: number, args: readonly string[]) {
    const mapped = [
      '-start_epmd',
      'false',
      '-erl_epmd_port',
      `${port}`,
      '-kernel',
      'inet_dist_use_interface',
      '{127,0,0,1}',
    ];
    const flags = ['-noshell', '-pa', folder, '-name', `${name}@${HOST}`, '-setcookie', 'bench', ...mapped, ...args];
    this.child = new Child('erl', flags, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ERL_CRASH_DUMP_SECONDS: '0' },
    });
    this.#lines = createInterface({ input: this.child.process.stdout! })[Symbol.asyncIterator]();
  }

  tell(line: string, limitMs: number): Promise<string> {
    this.child.process.stdin?.write(`${line}\n`);
    return this.line(limitMs);
  }

  async line(limitMs: number): Promise<string> {
    const { done, value } = await within(limitMs, 'erl answers', this.#lines.next());
    if (done) throw new Error('erl has ended');
    return value;
  }
}

/** A port nobody listens on now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const { port } = server.address() as { readonly port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
