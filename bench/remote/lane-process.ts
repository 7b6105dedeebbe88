/**
 * One of two nodes whose lanes are measured: `lane-process.ts SELF OTHER`. As in a node, the control port has a thread of its own, and links
 * are on the main thread.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Peers } from '../../src/cluster/index.ts';
import { nullLogger, systemClock, systemRandom } from '../../src/core/index.ts';
import { type Lane, openGrpcControl, openGrpcTransport, openLinks } from '../../src/remote/index.ts';

/** Between two probes, ms. */
const PROBE_MS = 5;
const TIMEOUT_MS = 10_000;
const BODY = Buffer.alloc(100, 'x');
/** A state on the move travels as messages of this size, bytes. */
const STATE_BYTES = 1_000_000;

export interface Addresses {
  readonly links: string;
  readonly control: string;
}

/** What the parent says; each word has one answer. The one who is told to probe is also the one who makes the load. */
export type LaneWord =
  | { readonly type: 'connect'; readonly to: Addresses }
  | {
      readonly type: 'probe';
      readonly lane: Lane | 'control';
      readonly load: 'none' | 'user' | 'bulk';
      readonly amount: number;
    };

/** How late answers came, ms, from when the question was due. */
export interface Lateness {
  readonly p99Ms: number;
  readonly probes: number;
  /** Messages of the load that were taken meanwhile. */
  readonly load: number;
}

/** Asks every `PROBE_MS` until told to stop; a question that is made late is late too. */
async function probe(ask: () => Promise<unknown>, over: Promise<unknown>): Promise<Omit<Lateness, 'load'>> {
  const late: number[] = [];
  const open: Promise<unknown>[] = [];
  const start = performance.now();
  let asked = 0;
  const timer = setInterval(() => {
    for (; start + (asked + 1) * PROBE_MS <= performance.now(); asked++) {
      const due = start + (asked + 1) * PROBE_MS;
      open.push(ask().then(() => late.push(performance.now() - due)));
    }
  }, PROBE_MS);
  await over;
  clearInterval(timer);
  await Promise.all(open);
  late.sort((a, b) => a - b);
  return { p99Ms: late[Math.floor(late.length * 0.99)] ?? Number.NaN, probes: late.length };
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The control thread: a control port that echoes, and probes the other's. */
async function controlThread(): Promise<void> {
  const { self } = workerData as { readonly self: string };
  let peer = '';
  const control = openGrpcControl({
    self,
    cluster: 'bench',
    clock: systemClock,
    logger: nullLogger,
    resolve: async () => peer,
  });
  const address = await control.listen('127.0.0.1:0', {
    raft: () => {},
    request: async (_from, { body }) => body,
    watch: async function* () {},
    snapshot: async function* () {},
  });
  parentPort?.on('message', async (word: { readonly peer?: string; readonly other?: string; readonly ms: number }) => {
    peer = word.peer ?? peer;
    const ask = (): Promise<unknown> =>
      control.request(word.other ?? '', { kind: 'query', body: BODY, timeoutMs: TIMEOUT_MS });
    parentPort?.postMessage(word.peer === undefined ? await probe(ask, sleep(word.ms)) : undefined);
  });
  parentPort?.postMessage(address);
}

async function mainThread(): Promise<void> {
  const [self = '', other = ''] = process.argv.slice(2);
  const peer = { node: other, incarnation: 1 };
  const transport = openGrpcTransport();
  const links = openLinks({
    self: { node: self, incarnation: 1 },
    clusterId: 'bench',
    transport,
    clock: systemClock,
    random: systemRandom,
    logger: nullLogger,
  });
  const peers = new Peers(links, systemClock);
  peers.serve('echo', async (_method, payload) => Uint8Array.from(payload));
  const worker = new Worker(new URL(import.meta.url), { workerData: { self } });
  const heard = <T>(): Promise<T> => new Promise((resolve) => worker.once('message', resolve));
  const control = await heard<string>();

  /** Tells as much as the lane takes, until `ms` have passed or so many were told. */
  async function tell(lane: Lane, payload: Uint8Array, ms: number, count: number): Promise<number> {
    const until = performance.now() + ms;
    let told = 0;
    while (told < count && performance.now() < until) {
      let writable = true;
      for (let i = 0; i < 64 && writable && told < count; i++, told++) {
        writable = links.send(peer, lane, { kind: 'tell', to: 'agent:a/b', correlation: 0, method: 'm', payload });
      }
      if (!writable) await links.writable(peer, lane);
      else await new Promise((resolve) => setImmediate(resolve));
    }
    return told;
  }

  async function answer(word: LaneWord): Promise<Lateness | undefined> {
    if (word.type === 'connect') {
      links.peerUp(peer, word.to.links);
      worker.postMessage({ peer: word.to.control, ms: 0 });
      await heard();
      return undefined;
    }
    const { lane, load, amount } = word;
    const over =
      load === 'none'
        ? sleep(amount).then(() => 0)
        : load === 'user'
          ? tell('user', BODY, amount, Number.POSITIVE_INFINITY)
          : tell('bulk', Buffer.alloc(STATE_BYTES, 's'), TIMEOUT_MS, amount / STATE_BYTES).then(async (told) => {
              // It has arrived when what stands behind it is answered.
              await peers.request(peer, 'bulk', 'echo', 'echo', BODY, TIMEOUT_MS);
              return told;
            });
    if (lane === 'control') {
      worker.postMessage({ other, ms: amount });
      const result = await heard<Omit<Lateness, 'load'>>();
      return { ...result, load: await over };
    }
    const result = await probe(() => peers.request(peer, lane, 'echo', 'echo', BODY, TIMEOUT_MS), over);
    return { ...result, load: await over };
  }

  process.on('disconnect', () => process.exit());
  process.on('message', (word: LaneWord) => {
    answer(word).then(
      (result) => process.send?.(result ?? {}),
      (error: Error) => process.send?.({ failure: error.message }),
    );
  });
  const address = await transport.listen('127.0.0.1:0', (connection) => links.accept(connection));
  process.send?.({ links: address, control } satisfies Addresses);
}

if (!isMainThread) await controlThread();
else if (import.meta.main) await mainThread();
