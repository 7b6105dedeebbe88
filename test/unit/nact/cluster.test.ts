import { createRequire } from 'node:module';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { defineActors } from '../../../src/agent/index.ts';
import {
  configureLogging,
  configurePersistence,
  journalEngine,
  type Nact,
  nactJournal,
  nactOnNode,
  type Ref,
} from '../../../src/nact/index.ts';
import { TestCluster } from '../../../src/testkit/index.ts';
import { type Library, scenarios } from './scenarios.ts';

const require = createRequire(import.meta.url);
const original = { ...require('nact'), ...require('nact/lib/monitoring/index.js') } as Library;

let cluster: TestCluster;
/** nact's functions on each node. */
const on = new Map<string, Nact>();
let here: Nact;
let there: Nact;

beforeAll(async () => {
  const nact = defineActors((scope) => {
    on.set(scope.actors.self.node, nactOnNode(scope));
  });
  cluster = await TestCluster.start(3, { agents: [nactJournal], setups: [nact] });
  [here, there] = [on.get('node-1')!, on.get('node-2')!];
});
afterAll(() => cluster.close());
beforeEach(() => vi.spyOn(console, 'log').mockReturnValue());
afterEach(() => vi.restoreAllMocks());

/** What is said in a scene. Which mail has arrived when an actor decides about a crash is a matter of the way it takes. */
async function transcript(nact: Library, scenario: string): Promise<string[]> {
  const lines: string[] = [];
  await scenarios[scenario]?.(nact, (...facts) => {
    lines.push(JSON.stringify(facts[1] === 'decides' ? facts.slice(0, -1) : facts));
  });
  return lines;
}

/** Everything of nact's that needs no more than refs. */
const ANYWHERE = [
  'state: what a handler returns is what the next one gets, from undefined on',
  'one message at a time, also when the handler waits',
  'senders: two play ball until one has had enough',
  'hierarchy: a parent makes children as they are needed, and hands the sender on',
  'persistence: events are replayed, from a snapshot on; a query sees the same',
  'onCrash resume',
  'onCrash reset',
  'onCrash escalate, and resetChild',
];

describe('actors on one node, and whoever sends, asks and answers on another', () => {
  test.each(ANYWHERE)('%s', async (scenario) => {
    const { dispatch, query } = there;
    const across = { ...here, dispatch, query, configurePersistence, configureLogging } as Library;
    const expected = await transcript(original, scenario);
    expect(expected.length).toBeGreaterThan(0);
    expect(await transcript(across, scenario)).toEqual(expected);
  });
});

describe('refs', () => {
  test('travel in messages as data, and can be sent to and stopped from where they arrive', async () => {
    const [one, two] = [here.start(), there.start()];
    const met: unknown[] = [];
    const friend = here.spawnStateless(one, (message: unknown) => void met.push(message), 'friend');
    const guest = there.spawnStateless(
      two,
      ({ meet }: { meet: Ref<unknown> }, ctx) => {
        there.dispatch(meet, 'hello from afar');
        there.dispatch(ctx.sender, 'met');
      },
      'guest',
    );
    expect(await here.query(guest, { meet: friend as Ref<unknown> }, 2_000)).toBe('met');
    await vi.waitFor(() => expect(met).toEqual(['hello from afar']));
    there.stop(friend as Ref<never>);
    await vi.waitFor(async () =>
      expect(await here.query(friend, 0, 5).catch((error) => error.code)).toBe('ACTOR_TERMINATED'),
    );
    expect(() => there.spawnStateless(one, () => undefined)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
    here.stop(one);
    there.stop(two);
  });

  test('can be made by hand from names: that is how a first one gets across', async () => {
    const system = here.start({ name: 'kiosk' });
    here.spawnStateless(system, (message: unknown, ctx) => here.dispatch(ctx.sender, [message, 'sold']), 'till');
    const till = { type: 'actor', system: { name: 'kiosk', node: 'node-1' }, path: { parts: ['till'] } } as const;
    expect(await there.query(till, 'a card', 2_000)).toEqual(['a card', 'sold']);
    here.stop(system);
  });

  test('keep the order of one sender, also while the other node is looked up', async () => {
    const third = on.get('node-3')!;
    const system = here.start();
    const heard: number[] = [];
    const listener = here.spawnStateless(system, (n: number) => void heard.push(n));
    const numbers = Array.from({ length: 500 }, (_, i) => i);
    for (const n of numbers) {
      third.dispatch(listener, n);
      if (n % 100 === 0) await Promise.resolve();
    }
    await vi.waitFor(() => expect(heard).toEqual(numbers));
    here.stop(system);
  });
});

describe('persistent actors', () => {
  const shop = (nact: Nact) =>
    nact.spawnPersistent<readonly number[], number, Ref<never>>(
      nact.start(),
      async (sold = [], message, ctx) => {
        if (message < 0) {
          nact.dispatch(ctx.sender, sold);
          return sold;
        }
        if (!ctx.recovering) await ctx.persist(message);
        return [...sold, message];
      },
      'shop',
      'shop',
      { snapshotEvery: 100, onCrash: (_m, _e, ctx) => ctx.resume },
    );

  test('live on in the ledger: on another node they are as they were, past a page and a snapshot', async () => {
    const numbers = Array.from({ length: 150 }, (_, i) => i);
    const first = shop(here);
    for (const n of numbers) here.dispatch(first, n);
    expect(await here.query(first, -1, 10_000)).toEqual(numbers);
    const second = shop(there);
    expect(await here.query(second, -1, 10_000)).toEqual(numbers);
    const engine = journalEngine(cluster.host('node-3'));
    expect(await engine.latestSnapshot('shop')).toMatchObject({ sequenceNumber: 100 });
    const count = await engine.events('shop', 100).reduce((before: number) => before + 1, 0);
    expect(count).toBe(50);
    // Two actors under one key: the one that has missed an event can't persist any more.
    there.dispatch(second, 1_000);
    expect(await there.query(second, -1, 10_000)).toEqual([...numbers, 1_000]);
    here.dispatch(first, 2_000);
    expect(await here.query(first, -1, 10_000)).toEqual(numbers);
  });
});

test('systems end with the life of their node, and what is sent there vanishes', async () => {
  const third = on.get('node-3')!;
  let stopped = false;
  const guard = third.spawnStateless(third.start(), () => undefined, 'guard');
  const post = third.spawn(third.start(), (state: number) => state, 'post', {
    afterStop: () => {
      stopped = true;
    },
  });
  here.dispatch(guard, 'on the way');
  await cluster.drain('node-3');
  await vi.waitFor(() => expect(stopped).toBe(true));
  here.dispatch(post, 1);
  await expect(here.query(post, 1, 20)).rejects.toMatchObject({ code: 'TIMEOUT' });
});
