/** One of the two processes of a pair: `process.ts troupe|grpc SELF OTHER [CERTIFICATES]`. Its parent tells it what to do. */
import { filesIn } from '../../src/node/index.ts';
import { drive, type Load, type Outcome } from './drive.ts';
import { GrpcWire } from './grpc-wire.ts';
import { TroupeWire } from './troupe-wire.ts';
import type { Arrived, Wire } from './wire.ts';

/** What the parent says; each word has one answer. */
export type Word =
  | { readonly type: 'connect'; readonly address: string }
  | { readonly type: 'drive'; readonly load: Load; readonly durationMs: number }
  | { readonly type: 'find' }
  | { readonly type: 'arrived' };

/** What it hears: its own address first, then an answer to each word. */
export type Answer = { readonly address: string } | Outcome | Arrived | { readonly failure: string };

async function open(): Promise<Wire> {
  const [kind, self = '', other = '', certificates] = process.argv.slice(2);
  if (kind === 'grpc') return GrpcWire.open();
  return TroupeWire.open(self, other, certificates === undefined ? undefined : filesIn(certificates, self));
}

async function answer(wire: Wire, word: Word): Promise<Answer> {
  if (word.type === 'drive') return drive(wire, word.load, word.durationMs);
  if (word.type === 'arrived') return wire.arrived();
  if (word.type === 'connect') await wire.connect(word.address);
  else await wire.find();
  return { address: wire.address };
}

if (import.meta.main) {
  process.on('disconnect', () => process.exit());
  const wire = await open();
  const say = (words: Answer): void => void process.send?.(words);
  process.on('message', (word: Word) => {
    answer(wire, word).then(say, (error: Error) => say({ failure: error.message }));
  });
  say({ address: wire.address });
}
