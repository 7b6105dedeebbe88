import { expect, test } from 'vitest';
import type { PreemptionSource } from '../../../../src/cluster/index.ts';
import { ANSWER_BYTES_MAX, REQUEST_MS_MAX } from '../../../../src/cluster/preemption/metadata.ts';
import { Cloud, type Reply, type Seen, Station, until } from './cloud.ts';

/** A cloud whose endpoints must bear everything. */
export interface Troubled {
  /** All its sources, asking this address. */
  readonly sources: (address: string, station: Station) => readonly PreemptionSource[];
  /** What it answers when all is well, so that each source has one notice. */
  readonly well: (seen: Seen) => Reply;
  /** More than any pause after a first failure, ms. */
  readonly pauseMs: number;
  /** Silence at the beginning is no trouble. */
  readonly patient?: boolean;
}

const BAD: readonly (readonly [string, Reply, string])[] = [
  ['hangs', 'hang', 'TIMEOUT'],
  ['hangs in the middle', 'hang in the middle', 'TIMEOUT'],
  ['is cut off', 'cut', 'NODE_UNAVAILABLE'],
  ['ends in the middle', 'cut in the middle', 'NODE_UNAVAILABLE'],
  ['is garbage', { status: 200, body: '<html>captive portal</html>\n' }, 'PROTOCOL_VIOLATION'],
  ['is empty', { status: 200, body: '' }, 'PROTOCOL_VIOLATION'],
  ['is JSON of another shape', { status: 200, body: '"\\u0000"' }, 'PROTOCOL_VIOLATION'],
  ['is far too large', { status: 200, body: ' '.repeat(ANSWER_BYTES_MAX + 1) }, 'MESSAGE_TOO_LARGE'],
  ['is 400', { status: 400 }, 'PROTOCOL_VIOLATION'],
  ['is 401 for good', { status: 401 }, 'PROTOCOL_VIOLATION'],
  ['is 403', { status: 403 }, 'PROTOCOL_VIOLATION'],
  ['is a redirect', { status: 302, headers: { location: '/elsewhere' } }, 'PROTOCOL_VIOLATION'],
  ['is 429', { status: 429, headers: { 'retry-after': '1' } }, 'OVERLOADED'],
  ['is 500', { status: 500, body: 'oops' }, 'NODE_UNAVAILABLE'],
  ['is 503', { status: 503 }, 'NODE_UNAVAILABLE'],
];

/** Each of its sources takes trouble for a matter of health: notices stay what they were, and it recovers by itself. */
export function bearsTrouble({ sources, well, pauseMs, patient = false }: Troubled): void {
  const begin = async (): Promise<{ cloud: Cloud; station: Station } & AsyncDisposable> => {
    const cloud = await Cloud.start();
    const station = new Station();
    return {
      cloud,
      station,
      [Symbol.asyncDispose]: async () => {
        station[Symbol.dispose]();
        await cloud[Symbol.asyncDispose]();
      },
    };
  };

  test.each(BAD)('an answer that %s is trouble, and no notice', async (_what, reply, code) => {
    await using all = await begin();
    const { cloud, station } = all;
    cloud.answer = () => reply;
    station.listen(...sources(cloud.address, station));
    await until('all have asked', () => cloud.requests.length > 0);
    if (code === 'TIMEOUT') {
      await station.clock.advance(REQUEST_MS_MAX);
      await until('all have given up', () => station.clock.pending === station.ears.length);
    } else await until('all have heard', () => station.ears.every(({ looks }) => looks > 0));
    const first = patient && code === 'TIMEOUT' ? undefined : code;
    for (const ear of station.ears) expect([ear.name, ear.code, ear.notices]).toEqual([ear.name, first, undefined]);
    cloud.answer = well;
    await station.step(pauseMs);
    for (const ear of station.ears) expect([ear.name, ear.code]).toEqual([ear.name, undefined]);
    const standing = station.ears.map(({ notices }) => notices?.map(({ id }) => id));
    for (const ids of standing) expect(ids).toHaveLength(1);
    // What was heard stands on through trouble: nothing is cancelled by silence.
    cloud.answer = () => reply;
    const before = cloud.requests.length;
    const looked = station.step(pauseMs);
    if (code === 'TIMEOUT') {
      await until('all have asked again', () => cloud.requests.length >= before + station.ears.length);
      await station.clock.advance(REQUEST_MS_MAX);
    }
    await looked;
    expect(station.ears.map(({ notices }) => notices?.map(({ id }) => id))).toEqual(standing);
    for (const ear of station.ears) expect([ear.name, ear.code]).toEqual([ear.name, code]);
  });

  test('an address where nobody listens is trouble, and no notice', async () => {
    await using all = await begin();
    const { cloud, station } = all;
    const { address } = cloud;
    await cloud.close();
    station.listen(...sources(address, station));
    await until('all have heard', () => station.ears.every(({ looks }) => looks > 0));
    for (const ear of station.ears)
      expect([ear.name, ear.code, ear.notices]).toEqual([ear.name, 'NODE_UNAVAILABLE', undefined]);
  });

  test('429 is obeyed: nobody asks again before Retry-After has passed', async () => {
    await using all = await begin();
    const { cloud, station } = all;
    cloud.answer = () => ({ status: 429, headers: { 'retry-after': '30' } });
    station.listen(...sources(cloud.address, station));
    await until('all have heard', () => station.ears.every(({ looks }) => looks > 0));
    const asked = cloud.requests.length;
    await station.clock.advance(29_900);
    // Whoever had asked would be heard by now.
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(cloud.requests).toHaveLength(asked);
    cloud.answer = well;
    await station.step(200);
    for (const ear of station.ears) expect(ear.notices).toHaveLength(1);
  });

  test('a source that was stopped is silent, and leaves no timer', async () => {
    await using all = await begin();
    const { cloud, station } = all;
    cloud.answer = () => 'hang';
    station.listen(...sources(cloud.address, station));
    await until('somebody has asked', () => cloud.requests.length > 0);
    for (const { watch } of station.ears) watch.stop();
    await until('no request is open', () => station.clock.pending === 0);
    await station.clock.advance(10_000);
    expect(station.ears.map(({ looks, notices }) => [looks, notices])).toEqual(station.ears.map(() => [0, undefined]));
  });
}
