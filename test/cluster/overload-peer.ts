/** One of two processes with a link between them: `overload-peer.ts NAME`. Its parent tells it what to do, by IPC. */
import { isTroupeError, nullLogger, systemClock, systemRandom } from '../../src/core/index.ts';
import { type Links, openGrpcTransport, openLinks } from '../../src/remote/index.ts';

/** What the parent says; each word has one answer. */
export type Word =
  | { readonly type: 'connect'; readonly address: string }
  /** Send this many messages, as fast as it goes, whatever the link says. */
  | { readonly type: 'offer'; readonly count: number; readonly bytes: number }
  /** Wait until all that was taken is acknowledged. */
  | { readonly type: 'flush' }
  | { readonly type: 'heard' };

/** What became of messages that were offered. Memory is what the process has of the machine's, bytes. */
export interface Offered {
  readonly taken: number;
  readonly refused: Readonly<Record<string, number>>;
  /** How many were taken before the link said to wait. */
  readonly takenFreely: number;
  readonly memoryBefore: number;
  readonly memoryMax: number;
}

/** What has arrived. */
export interface Heard {
  readonly count: number;
  /** Whether they came in the order of their numbers, none missing. */
  readonly inOrder: boolean;
}

const [name = ''] = process.argv.slice(2);
const self = { node: name, incarnation: 1 };
const peer = { node: name === 'a' ? 'b' : 'a', incarnation: 1 };
const transport = openGrpcTransport();
const common = { clock: systemClock, random: systemRandom, logger: nullLogger };
const links: Links = openLinks({ ...common, self, clusterId: 'test', transport });
let count = 0;
let inOrder = true;
let sent = 0;
links.onEnvelope((_from, _lane, { correlation }) => {
  inOrder &&= correlation === ++count;
});

async function offer(messages: number, bytes: number): Promise<Offered> {
  const { rss } = process.memoryUsage;
  const refused: Record<string, number> = {};
  let taken = 0;
  let takenFreely = -1;
  const memoryBefore = rss();
  let memoryMax = memoryBefore;
  for (let i = 0; i < messages; i++) {
    const payload = Buffer.alloc(bytes, i);
    try {
      const writable = links.send(peer, 'user', {
        kind: 'tell',
        to: 'agent:a/b',
        correlation: sent + 1,
        method: 'm',
        payload,
      });
      sent++;
      taken++;
      if (!writable && takenFreely < 0) takenFreely = taken;
    } catch (error) {
      const code = isTroupeError(error) ? error.code : String(error);
      refused[code] = (refused[code] ?? 0) + 1;
    }
    if (i % 256 !== 0) continue;
    // What this program itself throws away is none of the link's memory.
    if (i % 1_024 === 0) globalThis.gc?.({ type: 'minor' });
    await new Promise<void>((resolve) => systemClock.yieldThen(resolve));
    memoryMax = Math.max(memoryMax, rss());
  }
  return { taken, refused, takenFreely, memoryBefore, memoryMax };
}

async function answer(word: Word): Promise<unknown> {
  if (word.type === 'offer') return offer(word.count, word.bytes);
  if (word.type === 'connect') return links.peerUp(peer, word.address);
  if (word.type === 'flush') return links.flush(20_000);
  return { count, inOrder } satisfies Heard;
}

process.on('disconnect', () => process.exit());
process.on('message', (word: Word) => void answer(word).then((said) => process.send?.(said ?? {})));
process.send?.(await transport.listen('127.0.0.1:0', (connection) => links.accept(connection)));
