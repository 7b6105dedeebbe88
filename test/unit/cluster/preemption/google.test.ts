import { describe, expect, test } from 'vitest';
import { fetchMetadata, googleSources } from '../../../../src/cluster/index.ts';
import { Cloud, type Reply, type Seen, Station, until } from './cloud.ts';
import { bearsTrouble } from './troubles.ts';

const PAUSE_MS = 200;
const KEYS = { preemption: 'preempted', maintenance: 'maintenance-event' } as const;

/** Google's metadata server: holds a question that knows the present value, until it changes or the question's time is over. */
class MetadataServer {
  readonly values: Map<string, { text: string; etag: number }> = new Map();
  readonly #held: { readonly key: string; readonly release: () => void }[] = [];

  set(key: string, text: string): void {
    this.values.set(key, { text, etag: (this.values.get(key)?.etag ?? 100) + 1 });
    for (const held of this.#held) if (held.key === key) held.release();
  }

  /** The time of all questions is over. */
  elapse(): void {
    for (const { release } of this.#held.splice(0)) release();
  }

  get held(): number {
    return this.#held.length;
  }

  answer = async ({ path, headers }: Seen): Promise<Reply> => {
    if (headers['metadata-flavor'] !== 'Google') return { status: 403 };
    const { pathname, searchParams } = new URL(path, 'http://metadata');
    const key = pathname.replace('/computeMetadata/v1/instance/', '');
    const value = this.values.get(key);
    if (value === undefined) return { status: 404 };
    if (searchParams.get('wait_for_change') === 'true' && searchParams.get('last_etag') === String(value.etag)) {
      expect(Number(searchParams.get('timeout_sec'))).toBe(1);
      await new Promise<void>((release) => this.#held.push({ key, release }));
    }
    const { text, etag } = this.values.get(key) as { text: string; etag: number };
    return { status: 200, body: text, headers: { etag: String(etag), 'metadata-flavor': 'Google' } };
  };
}

interface World extends AsyncDisposable {
  readonly cloud: Cloud;
  readonly station: Station;
  readonly server: MetadataServer;
}

async function world(preempted: string, maintenance: string): Promise<World> {
  const [cloud, station, server] = [await Cloud.start(), new Station(), new MetadataServer()];
  cloud.answer = server.answer;
  server.set(KEYS.preemption, preempted);
  server.set(KEYS.maintenance, maintenance);
  const options = { address: cloud.address, noticeMs: 30_000 };
  station.listen(...googleSources(options, station.clock, station.random, fetchMetadata));
  await until('the first looks', () => station.ears.every(({ looks }) => looks > 0));
  return {
    cloud,
    station,
    server,
    [Symbol.asyncDispose]: async () => {
      station[Symbol.dispose]();
      server.elapse();
      await cloud[Symbol.asyncDispose]();
    },
  };
}

describe('Google', () => {
  test('hears at once what was so before it began, then waits for a change in questions of a second', async () => {
    await using all = await world('FALSE', 'NONE');
    const { cloud, station, server } = all;
    expect(station.ears.map(({ notices, code }) => [notices, code])).toEqual(station.ears.map(() => [[], undefined]));
    const looked = station.step(PAUSE_MS);
    await until('both questions are held', () => server.held === 2);
    server.elapse();
    await looked;
    expect(station.ears.map(({ notices }) => notices)).toEqual([[], []]);
    const tags = cloud
      .asked('/computeMetadata/v1/instance/preempted')
      .map(({ path }) => /last_etag=(\w+)/.exec(path)?.[1]);
    expect(tags).toEqual(['0', '101']);
  });

  test('hears a preemption while its question is held', async () => {
    await using all = await world('FALSE', 'NONE');
    const { station, server } = all;
    const ear = station.ear('google preemption');
    const looked = station.step(PAUSE_MS, [ear]);
    await until('both questions are held', () => server.held === 2);
    server.set(KEYS.preemption, 'TRUE');
    await looked;
    expect(ear.notices).toEqual([{ id: 'preempted', kind: 'final', reason: 'preempted', leftMs: 30_000 }]);
  });

  test('hears a preemption that came between two questions, or before the first', async () => {
    await using all = await world('FALSE', 'NONE');
    const { station, server } = all;
    const ear = station.ear('google preemption');
    server.set(KEYS.preemption, 'TRUE\n');
    await station.step(PAUSE_MS, [ear]);
    expect(ear.notices).toMatchObject([{ kind: 'final' }]);
    await using late = await world('TRUE', 'NONE');
    expect(late.station.ear('google preemption').notices).toMatchObject([{ kind: 'final' }]);
  });

  test('cordons for a live migration, and no longer than it lasts; a machine that is stopped is final', async () => {
    await using all = await world('FALSE', 'MIGRATE_ON_HOST_MAINTENANCE');
    const { station, server } = all;
    const ear = station.ear('google maintenance');
    expect(ear.notices).toMatchObject([{ kind: 'advisory' }]);
    server.set(KEYS.maintenance, 'NONE');
    await station.step(PAUSE_MS, [ear]);
    expect(ear.notices).toEqual([]);
    server.set(KEYS.maintenance, 'TERMINATE_ON_HOST_MAINTENANCE');
    await station.step(PAUSE_MS, [ear]);
    expect(ear.notices).toMatchObject([{ kind: 'final', leftMs: 60_000 }]);
    server.set(KEYS.maintenance, 'TRUE');
    await station.step(PAUSE_MS, [ear]);
    expect(ear.notices).toMatchObject([{ kind: 'final' }]);
  });

  test('takes keys that this machine doesn’t have for peace', async () => {
    await using all = await world('FALSE', 'NONE');
    all.server.values.clear();
    await all.station.step(PAUSE_MS);
    expect(all.station.ears.map(({ notices, code }) => [notices, code])).toEqual([
      [[], undefined],
      [[], undefined],
    ]);
  });

  describe('in trouble', () => {
    bearsTrouble({
      sources: (address, { clock, random }) =>
        googleSources({ address, noticeMs: 30_000 }, clock, random, fetchMetadata),
      well: ({ path }) => ({
        status: 200,
        body: path.includes('preempted') ? 'TRUE' : 'TERMINATE_ON_HOST_MAINTENANCE',
      }),
      pauseMs: 1_000,
    });
  });
});
