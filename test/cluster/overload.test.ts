import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import type { Heard, Offered, Word } from './overload-peer.ts';

const MIB = 1024 * 1024;
/** Ten minutes of 500 messages of 10 kB a second. */
const OFFERED = 300_000;
const BYTES = 10_000;

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

async function start(name: string): Promise<{ readonly child: ChildProcess; readonly address: string }> {
  const child = fork(fileURLToPath(new URL('./overload-peer.ts', import.meta.url)), [name], {
    execArgv: ['-C', 'troupe-source', '--disable-warning=ExperimentalWarning', '--expose-gc'],
  });
  children.push(child);
  const [address] = await once(child, 'message');
  return { child, address };
}

async function tell<T>(child: ChildProcess, word: Word): Promise<T> {
  const answer = once(child, 'message');
  child.send(word);
  return (await answer)[0] as T;
}

test('a receiver that stops reading leaves the memory of its sender flat, for ten minutes of load', async () => {
  const [sender, receiver] = await Promise.all([start('a'), start('b')]);
  await tell(sender.child, { type: 'connect', address: receiver.address });
  // Code is compiled and buffers are made before anything is measured.
  const before = await tell<Offered>(sender.child, { type: 'offer', count: 6_000, bytes: BYTES });
  await tell(sender.child, { type: 'flush' });
  receiver.child.kill('SIGSTOP');
  const offered = await tell<Offered>(sender.child, { type: 'offer', count: OFFERED, bytes: BYTES });
  receiver.child.kill('SIGCONT');
  const { taken, refused, takenFreely, memoryBefore, memoryMax } = offered;
  // It was told to wait, and then refused, with what may be tried again.
  expect(takenFreely).toBeLessThan(taken);
  expect(refused).toEqual({ OVERLOADED: OFFERED - taken });
  expect(taken * BYTES).toBeLessThan(64 * MIB);
  expect(memoryMax - memoryBefore).toBeLessThan(64 * MIB);
  // What was taken isn't lost by that.
  await tell(sender.child, { type: 'flush' });
  const heard = await tell<Heard>(receiver.child, { type: 'heard' });
  expect(heard).toEqual({ count: before.taken + taken, inOrder: true });
});
