import { afterEach, describe, expect, test } from 'vitest';
import type { Message } from '../../../../src/raft/consensus/index.ts';
import { Cluster } from './cluster.ts';

const LEASES = { tickMs: 15, electionTicks: 10, leaseReads: true };
let cluster: Cluster;

afterEach(() => cluster.close());

/** A leader that has committed, with a lease. */
async function leased(options: object = LEASES): Promise<string> {
  cluster = await Cluster.start(3, options);
  const leader = await cluster.leader();
  await cluster.wait(cluster.member(leader).propose(Buffer.from('a')));
  await cluster.clock.advance(45);
  return leader;
}

/** Whether a read is answered without a message: nothing can arrive while no time passes. */
async function answersAlone(leader: string, lease: boolean): Promise<boolean> {
  const barrier = cluster.member(leader).barrier({ lease });
  barrier.catch(() => {});
  const later = new Promise<'later'>((resolve) => setImmediate(resolve, 'later'));
  return (await Promise.race([barrier, later])) !== 'later';
}

describe('lease reads', () => {
  test('are answered by the leader alone, but only when asked for', async () => {
    const leader = await leased();
    expect(await answersAlone(leader, true)).toBe(true);
    expect(await answersAlone(leader, false)).toBe(false);
    expect(await answersAlone(cluster.others(leader)[0] as string, true)).toBe(false);
  });

  test('are off unless switched on', async () => {
    const leader = await leased({ ...LEASES, leaseReads: false });
    expect(await answersAlone(leader, true)).toBe(false);
  });

  test('go through the quorum when a tick is late, and after it until a quorum has answered again', async () => {
    const leader = await leased();
    const late = cluster.clock.monotonic() + 40;
    const { monotonic } = cluster.clock;
    // The process stood still: its clock went on, its timers did not.
    cluster.clock.monotonic = () => late;
    expect(await answersAlone(leader, true)).toBe(false);
    cluster.lose = (message: Message) => message.type === 'heartbeatReply';
    await cluster.clock.advance(15);
    cluster.clock.monotonic = monotonic;
    await cluster.clock.advance(15);
    expect(await answersAlone(leader, true)).toBe(false);
    cluster.lose = () => false;
    await cluster.clock.advance(45);
    expect(await answersAlone(leader, true)).toBe(true);
  });
});
