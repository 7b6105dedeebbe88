import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Ref, Terminated } from '../../../../src/actor/index.ts';
import { type ActorNode, World } from './world.ts';

type Order = 'crash' | 'stop';

/** An actor that ends when it is told to. */
function spawnMortal(node: ActorNode, name?: string): Ref<Order> {
  return node.actors.spawn<Order>(
    () => ({
      receive(order, ctx) {
        if (order === 'crash') throw new TypeError('on demand');
        ctx.stopSelf();
      },
    }),
    { ...(name === undefined ? {} : { name }), restart: 'temporary' },
  );
}

/** The same actor as another node sees it. */
function seenFrom(node: ActorNode, home: ActorNode, ref: Ref<Order>): Ref<Order> {
  return node.actors.refOf(home.actors.addressOf(ref));
}

async function pair(): Promise<{ world: World; a: ActorNode; b: ActorNode; mortal: Ref<Order> }> {
  const world = new World();
  const [a, b] = [await world.join('a'), await world.join('b')];
  spawnMortal(b, 'mortal');
  return { world, a, b, mortal: await world.settle(a.actors.find<Order>('b', 'mortal')) };
}

describe('a watcher of an actor on another node', () => {
  test.each([
    ['stop', 'normal'],
    ['crash', 'crashed'],
  ] as const)('hears of a %s once, with its reason', async (order, reason) => {
    const { world, a, mortal } = await pair();
    const heard: Terminated[] = [];
    a.actors.watch(mortal, (terminated) => heard.push(terminated));
    mortal.tell(order);
    await world.clock.advance(1_000);
    expect(heard).toMatchObject([{ ref: mortal, reason }]);
    expect(heard[0]?.error).toEqual(
      order === 'crash' ? expect.objectContaining({ code: 'HANDLER_FAILED' }) : undefined,
    );
    expect(heard[0]?.ref).toBe(mortal);
    await world.close();
  });

  test('hears at once of one that has ended before, with the reason', async () => {
    const { world, a, mortal } = await pair();
    mortal.tell('crash');
    await world.clock.advance(100);
    const heard: string[] = [];
    a.actors.watch(mortal, ({ reason }) => heard.push(reason));
    await world.clock.advance(100);
    a.actors.watch(mortal, ({ reason }) => heard.push(reason));
    await world.clock.settle();
    expect(heard).toEqual(['crashed', 'crashed']);
    await world.close();
  });

  test('hears of it behind what the dead actor had sent it', async () => {
    const world = new World();
    const [a, b] = [await world.join('a'), await world.join('b')];
    const log: unknown[] = [];
    b.actors.spawn<Ref<unknown>>(
      () => ({
        receive(to, ctx) {
          for (let i = 0; i < 100; i++) to.tell(i);
          ctx.stopSelf();
        },
      }),
      { name: 'last-words' },
    );
    const dying = await world.settle(a.actors.find<Ref<unknown>>('b', 'last-words'));
    a.actors.spawn<unknown>(() => ({
      start(ctx) {
        ctx.watch(dying, ({ reason }) => reason);
        dying.tell(ctx.self);
      },
      receive: (message) => void log.push(message),
    }));
    await world.clock.advance(1_000);
    expect(log).toEqual([...Array.from({ length: 100 }, (_, i) => i), 'normal']);
    await world.close();
  });

  test('hears `lost` when the life of its node is over, also when it watches later; a next life changes nothing', async () => {
    const { world, a, b, mortal } = await pair();
    const heard: Terminated[] = [];
    a.actors.watch(mortal, (terminated) => heard.push(terminated));
    await world.clock.advance(100);
    await world.kill(b, 'the machine burned');
    const next = await world.join('b');
    spawnMortal(next, 'mortal');
    await world.clock.advance(1_000);
    expect(heard).toMatchObject([
      { reason: 'lost', error: { code: 'NODE_UNAVAILABLE', message: 'the machine burned', address: 'b' } },
    ]);
    a.actors.watch(mortal, (terminated) => heard.push(terminated));
    await world.clock.settle();
    expect(heard.map(({ reason }) => reason)).toEqual(['lost', 'lost']);
    const again = await world.settle(a.actors.find<Order>('b', 'mortal'));
    expect(again).not.toBe(mortal);
    a.actors.watch(again, (terminated) => heard.push(terminated));
    await world.clock.advance(1_000);
    expect(heard).toHaveLength(2);
    await world.close();
  });

  test('is told the first word on an end, whatever comes after', async () => {
    const { world, a, b, mortal } = await pair();
    const heard: string[] = [];
    a.actors.watch(mortal, ({ reason }) => heard.push(reason));
    mortal.tell('stop');
    await world.clock.advance(100);
    await world.kill(b);
    a.actors.watch(mortal, ({ reason }) => heard.push(reason));
    await world.clock.advance(100);
    expect(heard).toEqual(['normal', 'normal']);
    await world.close();
  });

  test('that has stopped watching hears nothing, others do', async () => {
    const { world, a, mortal } = await pair();
    const heard: string[] = [];
    const stop = a.actors.watch(mortal, () => heard.push('first'));
    a.actors.watch(mortal, () => heard.push('second'));
    stop();
    const again = a.actors.watch(mortal, () => heard.push('third'));
    again();
    mortal.tell('stop');
    await world.clock.advance(1_000);
    expect(heard).toEqual(['second']);
    await world.close();
  });

  test('whose view lags is not told that a node is lost which it has not heard of', async () => {
    const world = new World();
    const a = await world.join('a');
    world.lag(a);
    const b = await world.join('b');
    const mortal = seenFrom(a, b, spawnMortal(b, 'mortal'));
    const heard: string[] = [];
    a.actors.watch(mortal, ({ reason }) => heard.push(reason));
    await world.clock.advance(5_000);
    expect(heard).toEqual([]);
    world.catchUp(a);
    await world.clock.advance(100);
    mortal.tell('stop');
    await world.clock.advance(100);
    expect(heard).toEqual(['normal']);
    await world.close();
  });
});

describe('exactly once', () => {
  const event = fc.oneof(
    { weight: 4, arbitrary: fc.record({ type: fc.constant('spawn' as const), node: fc.nat(2) }) },
    { weight: 6, arbitrary: fc.record({ type: fc.constant('watch' as const), node: fc.nat(2), actor: fc.nat(50) }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('unwatch' as const), watch: fc.nat(50) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constant('end' as const),
        actor: fc.nat(50),
        how: fc.constantFrom<Order>('crash', 'stop'),
      }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('kill' as const), node: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('giveUp' as const), node: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('lag' as const), node: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('catchUp' as const), node: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.constant({ type: 'break' as const }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('cut' as const), node: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('hole' as const), node: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.constant({ type: 'heal' as const }) },
    { weight: 5, arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 300 }) }) },
  );

  interface Actor {
    readonly home: ActorNode;
    readonly ref: Ref<Order>;
    reason: 'normal' | 'crashed' | undefined;
  }

  interface Watch {
    readonly node: ActorNode;
    readonly actor: Actor;
    readonly heard: string[];
    readonly stop: () => void;
    stopped: boolean;
  }

  test('a watcher hears of each end once, whatever links do and whichever nodes are lost', async () => {
    const names = ['a', 'b', 'c'] as const;
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.array(event, { minLength: 10, maxLength: 60, size: 'max' }),
        async (seed, events) => {
          const world = new World(seed);
          const nodes: ActorNode[] = [];
          for (const name of names) nodes.push(await world.join(name));
          const over = new Set<ActorNode>();
          const lagging = new Set<ActorNode>();
          const actors: Actor[] = [];
          const watches: Watch[] = [];
          const nodeAt = (i: number): ActorNode => nodes[i] as ActorNode;
          const next = async (i: number): Promise<void> => {
            nodes[i] = await world.join(names[i] as string);
          };
          for (const step of events) {
            if (step.type === 'spawn') {
              const home = nodeAt(step.node);
              const ref = spawnMortal(home);
              actors.push({ home, ref, reason: undefined });
            } else if (step.type === 'watch' && actors.length > 0) {
              const node = nodeAt(step.node);
              const actor = actors[step.actor % actors.length] as Actor;
              const heard: string[] = [];
              const stop = node.actors.watch(seenFrom(node, actor.home, actor.ref), ({ reason }) => heard.push(reason));
              watches.push({ node, actor, heard, stop, stopped: false });
            } else if (step.type === 'unwatch' && watches.length > 0) {
              const watch = watches[step.watch % watches.length] as Watch;
              watch.stop();
              watch.stopped = true;
            } else if (step.type === 'end' && actors.length > 0) {
              const actor = actors[step.actor % actors.length] as Actor;
              if (actor.reason !== undefined || over.has(actor.home)) continue;
              actor.ref.tell(step.how);
              actor.reason = step.how === 'crash' ? 'crashed' : 'normal';
            } else if (step.type === 'kill' || step.type === 'giveUp') {
              const node = nodeAt(step.node);
              over.add(node);
              if (step.type === 'kill') world.vanish(node);
              else world.lag(node);
              world.declareDown(node, step.type);
              await next(step.node);
            } else if (step.type === 'lag') {
              world.lag(nodeAt(step.node));
              lagging.add(nodeAt(step.node));
            } else if (step.type === 'catchUp') {
              world.catchUp(nodeAt(step.node));
            } else if (step.type === 'break') world.network.breakConnections();
            else if (step.type === 'cut')
              world.network.cut(names[step.node] as string, names[(step.node + 1) % 3] as string);
            else if (step.type === 'hole') {
              world.network.hole(names[step.node] as string, names[(step.node + 1) % 3] as string);
            } else if (step.type === 'heal') world.network.heal();
            else if (step.type === 'wait') await world.clock.advance(step.ms);
          }
          world.network.heal();
          for (const node of nodes) world.catchUp(node);
          await world.clock.advance(20_000);
          const alive = watches.filter(({ node }) => !over.has(node));
          for (const { actor, heard, stopped } of alive) {
            if (stopped) {
              expect(heard.length).toBeLessThanOrEqual(1);
              continue;
            }
            const lost = over.has(actor.home);
            if (actor.reason === undefined && !lost) expect(heard).toEqual([]);
            else if (lost)
              expect(heard).toEqual([
                expect.stringMatching(actor.reason === undefined ? /^lost$/ : `^(lost|${actor.reason})$`),
              ]);
            else expect(heard).toEqual([actor.reason]);
          }
          for (const actor of actors) if (actor.reason === undefined && !over.has(actor.home)) actor.ref.tell('stop');
          await world.clock.advance(20_000);
          for (const { heard, stopped } of alive) if (!stopped) expect(heard).toHaveLength(1);
          await world.close();
        },
      ),
      { numRuns: 150 },
    );
  });
});
