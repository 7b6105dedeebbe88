import { describe, expect, test } from 'vitest';
import { awsSources, fetchMetadata, type PreemptionSource } from '../../../../src/cluster/index.ts';
import { parseLifecycle, parseMaintenance } from '../../../../src/cluster/preemption/aws.ts';
import { Cloud, Ear, type Reply, type Seen, Station, until } from './cloud.ts';
import { bearsTrouble } from './troubles.ts';

const PATHS = {
  interruption: '/latest/meta-data/spot/instance-action',
  rebalance: '/latest/meta-data/events/recommendations/rebalance',
  maintenance: '/latest/meta-data/events/maintenance/scheduled',
  lifecycle: '/latest/meta-data/autoscaling/target-lifecycle-state',
} as const;
const NOT_FOUND: Reply = {
  status: 404,
  body: '<?xml version="1.0" encoding="iso-8859-1"?><html>404 - Not Found</html>',
};
const POLL_MS = 2_000;

/** The instance metadata service, version 2: nothing without a token that it gave and that is still good. */
class Imds {
  readonly answers: Map<string, string> = new Map();
  readonly tokens: Set<string> = new Set();
  /** Tokens given so far. */
  given = 0;
  refusesAll = false;

  answer = ({ method, path, headers }: Seen): Reply => {
    if (path === '/latest/api/token') {
      if (method !== 'PUT') return { status: 405 };
      const ttl = Number(headers['x-aws-ec2-metadata-token-ttl-seconds']);
      if (!(ttl >= 1 && ttl <= 21_600)) return { status: 400 };
      const token = `AQAEAL${++this.given}==`;
      this.tokens.add(token);
      return { status: 200, body: token, headers: { 'x-aws-ec2-metadata-token-ttl-seconds': String(ttl) } };
    }
    if (this.refusesAll || !this.tokens.has(String(headers['x-aws-ec2-metadata-token']))) return { status: 401 };
    const body = this.answers.get(path);
    return body === undefined ? NOT_FOUND : { status: 200, body };
  };
}

interface World extends AsyncDisposable {
  readonly cloud: Cloud;
  readonly station: Station;
  readonly imds: Imds;
}

async function world(answers: Partial<Record<keyof typeof PATHS, string>> = {}): Promise<World> {
  const [cloud, station, imds] = [await Cloud.start(), new Station(), new Imds()];
  cloud.answer = imds.answer;
  for (const [name, body] of Object.entries(answers)) imds.answers.set(PATHS[name as keyof typeof PATHS], body);
  station.listen(...awsSources(cloud.address, station.clock, station.random, fetchMetadata));
  await until('the first looks', () => station.ears.every(({ looks }) => looks > 0));
  return {
    cloud,
    station,
    imds,
    [Symbol.asyncDispose]: async () => {
      station[Symbol.dispose]();
      await cloud[Symbol.asyncDispose]();
    },
  };
}

/** Wall-clock time of a station that has just begun. */
const T0 = new Station().clock.now();
const iso = (ms: number): string => new Date(T0 + ms).toISOString().replace('.000', '');
/** As the maintenance list writes it: `21 Jan 2019 09:00:43 GMT`. */
const gmt = (ms: number): string => new Date(T0 + ms).toUTCString().replace(/^\w+, /, '');
const event = (ms: number, more: object = {}): object => ({
  NotBefore: gmt(ms),
  Code: 'system-reboot',
  Description: 'scheduled reboot',
  EventId: 'instance-event-0d59937288b749b32',
  NotAfter: gmt(ms + 1_000_000),
  State: 'active',
  ...more,
});

describe('AWS', () => {
  test('is at peace with 404 everywhere: no notice, no trouble, one token for all questions', async () => {
    await using all = await world();
    const { cloud, station, imds } = all;
    await station.step(POLL_MS);
    expect(station.ears.map(({ notices, code }) => [notices, code])).toEqual(station.ears.map(() => [[], undefined]));
    expect(imds.given).toBe(1);
    for (const path of Object.values(PATHS)) expect(cloud.asked(path)).toHaveLength(2);
  });

  test.each(['terminate', 'stop', 'hibernate'])(
    'tells an interruption by %s as final, with the time left',
    async (action) => {
      await using all = await world({ interruption: `{"action":"${action}","time":"${iso(120_000)}"}` });
      const ear = all.station.ear('aws interruption');
      expect(ear.notices).toMatchObject([{ kind: 'final', reason: `preemption: ${action}`, leftMs: 120_000 }]);
      const [first] = ear.notices ?? [];
      await all.station.step(POLL_MS);
      expect(ear.notices).toMatchObject([{ id: first?.id, leftMs: 118_000 }]);
    },
  );

  test('tells a rebalance recommendation as advisory, beside the interruption that came with it', async () => {
    await using all = await world({
      rebalance: `{"noticeTime":"${iso(0)}"}`,
      interruption: `{"action": "stop", "time": "${iso(90_000)}"}`,
    });
    expect(all.station.ear('aws rebalance').notices).toMatchObject([{ kind: 'advisory' }]);
    expect(all.station.ear('aws interruption').notices).toMatchObject([{ kind: 'final' }]);
  });

  test('tells maintenance as advisory, as final two minutes before, and no more when it was cancelled', async () => {
    await using all = await world({ maintenance: JSON.stringify([event(124_000)]) });
    const { station, imds } = all;
    const ear = station.ear('aws maintenance');
    expect(ear.notices).toMatchObject([
      {
        id: 'instance-event-0d59937288b749b32',
        kind: 'advisory',
        reason: 'maintenance: system-reboot',
        leftMs: 124_000,
      },
    ]);
    await station.step(POLL_MS);
    await station.step(POLL_MS);
    expect(ear.notices).toMatchObject([{ id: 'instance-event-0d59937288b749b32', kind: 'final', leftMs: 120_000 }]);
    imds.answers.set(PATHS.maintenance, JSON.stringify([event(124_000, { State: 'canceled' })]));
    await station.step(POLL_MS);
    expect(ear.notices).toEqual([]);
    imds.answers.set(PATHS.maintenance, '[]');
    await station.step(POLL_MS);
    expect([ear.notices, ear.code]).toEqual([[], undefined]);
  });

  test('doesn’t drain for maintenance that had begun before this process: it may have been what restarted it', () => {
    const body = JSON.stringify([event(-60_000), event(60_000, { EventId: 'e2' })]);
    expect(parseMaintenance(body, T0, T0).map(({ kind }) => kind)).toEqual(['advisory', 'final']);
    expect(parseMaintenance(body, T0, T0 - 90_000).map(({ kind }) => kind)).toEqual(['final', 'final']);
  });

  test.each([
    '{}',
    '[1]',
    '[{"Code":"x","NotBefore":"21 Jan 2019 09:00:43 GMT"}]',
    '[{"EventId":"e","Code":"x"}]',
    '[{"EventId":"e","Code":"x","NotBefore":"soon"}]',
  ])('takes %s for no list of maintenance', (body) => {
    expect(() => parseMaintenance(body, T0, T0)).toThrow(expect.objectContaining({ code: 'PROTOCOL_VIOLATION' }));
  });

  test.each([
    ['InService', []],
    ['Standby', ['advisory']],
    ['Detached', ['advisory']],
    ['Terminated', ['final']],
    ['Warmed:Running', ['advisory']],
    ['Warmed:Stopped', ['final']],
    ['Warmed:Hibernated', ['final']],
    ['Warmed:Terminated', ['final']],
  ])('reads the target lifecycle state %s', async (state, kinds) => {
    await using all = await world({ lifecycle: state });
    expect(all.station.ear('aws lifecycle').notices?.map(({ kind }) => kind)).toEqual(kinds);
    expect(() => parseLifecycle(`${state}?`)).toThrow('no known lifecycle state');
    expect(() => parseLifecycle('constructor')).toThrow('no known lifecycle state');
  });

  test('fetches a new token when the old one is refused, once for all questions, within the same look', async () => {
    await using all = await world({ lifecycle: 'Standby' });
    const { station, imds } = all;
    imds.tokens.clear();
    imds.answers.set(PATHS.lifecycle, 'Terminated');
    await station.step(POLL_MS);
    expect(station.ears.map(({ code }) => code)).toEqual(station.ears.map(() => undefined));
    expect(station.ear('aws lifecycle').notices).toMatchObject([{ kind: 'final' }]);
    expect(imds.given).toBe(2);
  });

  test('renews a token in the middle of its life, before anything is refused', async () => {
    await using cloud = await Cloud.start();
    using station = new Station();
    const { clock, random } = station;
    const imds = new Imds();
    cloud.answer = imds.answer;
    const [source] = awsSources(cloud.address, clock, random, fetchMetadata);
    /** Begins to look, looks once, and stops: so hours pass without a request on its way. */
    const look = async (): Promise<void> => {
      const ear = new Ear(source as PreemptionSource);
      await until('it has looked', () => ear.looks > 0);
      expect(ear.notices).toEqual([]);
      ear.watch.stop();
    };
    await look();
    await clock.advance(3 * 3_600_000 - 1);
    await look();
    expect(imds.given).toBe(1);
    await clock.advance(1);
    await look();
    await look();
    expect(imds.given).toBe(2);
  });

  test('takes a refusal of a fresh token for trouble, and asks twice a look at most', async () => {
    await using all = await world();
    const { cloud, station, imds } = all;
    imds.refusesAll = true;
    const before = cloud.asked(PATHS.rebalance).length;
    await station.step(POLL_MS);
    expect(station.ears.map(({ code }) => code)).toEqual(station.ears.map(() => 'PROTOCOL_VIOLATION'));
    expect(cloud.asked(PATHS.rebalance)).toHaveLength(before + 2);
    imds.refusesAll = false;
    await station.step(POLL_MS * 1.1);
    expect(station.ears.map(({ code }) => code)).toEqual(station.ears.map(() => undefined));
  });

  test('takes a token that no header can carry for trouble', async () => {
    await using all = await world();
    const { cloud, station } = all;
    cloud.answer = (seen) => (seen.method === 'PUT' ? { status: 200, body: 'a\nb' } : { status: 401 });
    await station.step(POLL_MS);
    expect(station.ears.map(({ code }) => code)).toEqual(station.ears.map(() => 'PROTOCOL_VIOLATION'));
  });

  describe('in trouble, at every endpoint and at the token’s', () => {
    bearsTrouble({
      sources: (address, { clock, random }) => awsSources(address, clock, random, fetchMetadata),
      well: ({ method, path }) => {
        if (method === 'PUT') return { status: 200, body: 'token' };
        if (path === PATHS.interruption) return { status: 200, body: `{"action":"stop","time":"${iso(90_000)}"}` };
        if (path === PATHS.rebalance) return { status: 200, body: `{"noticeTime":"${iso(0)}"}` };
        if (path === PATHS.maintenance) return { status: 200, body: JSON.stringify([event(0)]) };
        return { status: 200, body: 'Terminated' };
      },
      pauseMs: 2_200,
    });
  });
});
