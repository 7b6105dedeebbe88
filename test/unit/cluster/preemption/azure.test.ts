import { describe, expect, test } from 'vitest';
import { azureSource, fetchMetadata, type MetadataFetch } from '../../../../src/cluster/index.ts';
import type { AzureOptions } from '../../../../src/cluster/preemption/azure.ts';
import { TroupeError } from '../../../../src/core/index.ts';
import { Cloud, type Ear, type Reply, type Seen, Station, until } from './cloud.ts';
import { bearsTrouble } from './troubles.ts';

const POLL_MS = 1_000;
const EVENTS = '/metadata/scheduledevents?api-version=2020-07-01';
const NAME = '/metadata/instance/compute/name?api-version=2021-02-01&format=text';
const T0 = new Station().clock.now();

/** An event in the published shape. @param ms time until `NotBefore`; undefined once it has started */
function event(ms: number | undefined, more: object = {}): object {
  return {
    EventId: 'C7061BAC-AFDC-4513-B24B-AA5F13A16123',
    EventStatus: ms === undefined ? 'Started' : 'Scheduled',
    EventType: 'Preempt',
    ResourceType: 'VirtualMachine',
    Resources: ['WestNO_0'],
    // As in `Mon, 19 Sep 2022 18:29:47 GMT`.
    NotBefore: ms === undefined ? '' : new Date(T0 + ms).toUTCString(),
    Description: '',
    EventSource: 'Platform',
    DurationInSeconds: -1,
    ...more,
  };
}

interface World extends AsyncDisposable {
  readonly cloud: Cloud;
  readonly station: Station;
  readonly ear: Ear;
  /** Events that the service lists from now on. */
  list(...events: object[]): void;
}

async function world(options: Partial<AzureOptions>, ...first: object[]): Promise<World> {
  const [cloud, station] = [await Cloud.start(), new Station()];
  let incarnation = 1;
  let events = first;
  cloud.answer = ({ method, path, headers }: Seen): Reply => {
    if (headers.metadata !== 'true') return { status: 400, body: '{"error":"Bad request"}' };
    if (path === NAME && method === 'GET') return { status: 200, body: 'westno_0' };
    if (path !== EVENTS) return { status: 404 };
    if (method === 'POST') return { status: 200 };
    return { status: 200, body: JSON.stringify({ DocumentIncarnation: incarnation, Events: events }) };
  };
  const all = { address: cloud.address, acknowledge: true, ...options };
  station.listen(azureSource(all, station.clock, station.random, fetchMetadata));
  const ear = station.ear('azure events');
  await until('the first look', () => ear.looks > 0);
  return {
    cloud,
    station,
    ear,
    list: (...listed) => {
      events = listed;
      incarnation++;
    },
    [Symbol.asyncDispose]: async () => {
      station[Symbol.dispose]();
      await cloud[Symbol.asyncDispose]();
    },
  };
}

describe('Azure', () => {
  test('asks for this machine’s name once, and takes an empty list for peace', async () => {
    await using all = await world({});
    await all.station.step(POLL_MS);
    expect([all.ear.notices, all.ear.code]).toEqual([[], undefined]);
    expect(all.cloud.asked('/metadata/instance')).toHaveLength(1);
    expect(all.cloud.asked('/metadata/scheduledevents')).toHaveLength(2);
  });

  test('tells a preemption of this machine as final, until its time, and with nothing left once it has started', async () => {
    await using all = await world({}, event(30_000));
    expect(all.ear.notices).toMatchObject([
      { id: 'C7061BAC-AFDC-4513-B24B-AA5F13A16123', kind: 'final', reason: 'scheduled event: Preempt', leftMs: 30_000 },
    ]);
    all.list(event(undefined));
    await all.station.step(POLL_MS);
    expect(all.ear.notices).toMatchObject([{ kind: 'final', leftMs: 0 }]);
  });

  test('leaves events of other machines alone; a name from the configuration goes before the service’s', async () => {
    const other = event(30_000, { EventId: 'other', Resources: ['WestNO_1', 'WestNO_2'] });
    await using all = await world({}, other);
    expect(all.ear.notices).toEqual([]);
    await using named = await world({ resource: 'westno_2' }, other, event(30_000));
    expect(named.ear.notices?.map(({ id }) => id)).toEqual(['other']);
    expect(named.cloud.asked('/metadata/instance')).toEqual([]);
  });

  test.each(['Reboot', 'Redeploy'])('tells a %s as advisory until two minutes before', async (EventType) => {
    await using all = await world({}, event(121_000, { EventType }));
    expect(all.ear.notices).toMatchObject([{ kind: 'advisory', leftMs: 121_000 }]);
    await all.station.step(POLL_MS);
    expect(all.ear.notices).toMatchObject([{ kind: 'final', leftMs: 120_000 }]);
  });

  test('tells a reboot that began early, approved elsewhere, as final; one it never knew of as advisory', async () => {
    await using all = await world({}, event(600_000, { EventType: 'Reboot' }));
    all.list(event(undefined, { EventType: 'Reboot' }));
    await all.station.step(POLL_MS);
    expect(all.ear.notices).toMatchObject([{ kind: 'final', leftMs: 0 }]);
    await using back = await world({}, event(undefined, { EventType: 'Reboot' }));
    expect(back.ear.notices).toMatchObject([{ kind: 'advisory' }]);
  });

  test('cordons for a freeze, and tells no more of what was cancelled or is over', async () => {
    await using all = await world({}, event(5_000, { EventType: 'Freeze', DurationInSeconds: 9 }));
    expect(all.ear.notices).toMatchObject([{ kind: 'advisory' }]);
    all.list(event(undefined, { EventType: 'Freeze', DurationInSeconds: 9 }));
    await all.station.step(POLL_MS);
    expect(all.ear.notices).toMatchObject([{ kind: 'advisory' }]);
    all.list();
    await all.station.step(POLL_MS);
    expect(all.ear.notices).toEqual([]);
  });

  test('acknowledges what ends the machine when the node is empty, and nothing else', async () => {
    await using all = await world(
      {},
      event(300_000, { EventType: 'Terminate' }),
      event(900_000, { EventId: 'later', EventType: 'Reboot' }),
      event(30_000, { EventId: 'shared', Resources: ['WestNO_0', 'WestNO_1'] }),
      event(30_000, { EventId: 'other', Resources: ['WestNO_1'] }),
    );
    expect(all.cloud.asked(EVENTS, 'POST')).toEqual([]);
    await all.ear.watch.drained();
    const [post] = all.cloud.asked(EVENTS, 'POST');
    expect(JSON.parse(post?.body ?? '')).toEqual({
      StartRequests: [{ EventId: 'C7061BAC-AFDC-4513-B24B-AA5F13A16123' }],
    });
    expect(post?.headers).toMatchObject({ metadata: 'true', 'content-type': 'application/json' });
  });

  test('acknowledges nothing where there is nothing, or where it may not', async () => {
    await using calm = await world({}, event(30_000, { EventType: 'Freeze' }));
    await calm.ear.watch.drained();
    await using shared = await world({ acknowledge: false }, event(30_000));
    await shared.ear.watch.drained();
    expect([...calm.cloud.requests, ...shared.cloud.requests].filter(({ method }) => method === 'POST')).toEqual([]);
  });

  test('says when it couldn’t acknowledge', async () => {
    await using all = await world({}, event(30_000));
    all.cloud.answer = () => ({ status: 500 });
    await expect(all.ear.watch.drained()).rejects.toMatchObject({ code: 'NODE_UNAVAILABLE' });
  });

  test('may be slow to begin: silence is no trouble in the first two minutes, other failures are', async () => {
    using station = new Station();
    const { clock, random } = station;
    let fail: () => boolean = () => false;
    const silent: MetadataFetch = (_request, signal) =>
      new Promise((_resolve, reject) => {
        if (fail()) reject(new TroupeError('NODE_UNAVAILABLE', 'refused'));
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    station.listen(azureSource({ address: 'http://azure', acknowledge: true }, clock, random, silent));
    const ear = station.ear('azure events');
    await clock.advance(119_000);
    expect([ear.looks, ear.code]).toEqual([0, undefined]);
    await clock.advance(10_000);
    expect(ear.code).toBe('TIMEOUT');
    fail = () => true;
    station.listen(azureSource({ address: 'http://azure', acknowledge: true }, clock, random, silent));
    await clock.settle();
    expect(station.ears[1]?.code).toBe('NODE_UNAVAILABLE');
  });

  test.each([
    '{"DocumentIncarnation":1}',
    '{"DocumentIncarnation":1,"Events":{}}',
    '{"DocumentIncarnation":1,"Events":[{"EventId":"e","EventType":"Preempt","EventStatus":"Scheduled"}]}',
    '{"DocumentIncarnation":1,"Events":[{"EventType":"Preempt","EventStatus":"Started","Resources":["WestNO_0"]}]}',
    '{"DocumentIncarnation":1,"Events":[{"EventId":"e","EventType":"Preempt","EventStatus":"Scheduled","NotBefore":"","Resources":["WestNO_0"]}]}',
  ])('takes %s for no list of events', async (body) => {
    await using all = await world({ resource: 'WestNO_0' }, event(30_000));
    all.cloud.answer = () => ({ status: 200, body });
    await all.station.step(POLL_MS);
    expect(all.ear.code).toBe('PROTOCOL_VIOLATION');
    expect(all.ear.notices).toHaveLength(1);
  });

  describe('in trouble', () => {
    bearsTrouble({
      sources: (address, { clock, random }) => {
        const started = azureSource({ address, acknowledge: true, resource: 'WestNO_0' }, clock, random, fetchMetadata);
        return [started];
      },
      well: () => ({ status: 200, body: JSON.stringify({ DocumentIncarnation: 1, Events: [event(30_000)] }) }),
      pauseMs: 1_200,
      patient: true,
    });
  });
});
