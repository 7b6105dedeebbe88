import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Ref } from '../../../../src/actor/index.ts';
import { TOPIC_NAME_MAX } from '../../../../src/cluster/index.ts';
import { DEFAULT_LINK_LIMITS } from '../../../../src/remote/index.ts';
import { type ActorNode, World } from './world.ts';

/** An actor that keeps what it gets. */
function reader(node: ActorNode): { readonly ref: Ref<unknown>; readonly got: unknown[] } {
  const got: unknown[] = [];
  return { got, ref: node.actors.spawn<unknown>(() => ({ receive: (message) => void got.push(message) })) };
}

/** What a node sends from now on: to whom, and the method. */
function sentBy({ links }: ActorNode): readonly string[] {
  const sent: string[] = [];
  const send = links.send.bind(links);
  links.send = (peer, lane, envelope) => {
    sent.push(`${peer.node} ${envelope.method}`);
    return send(peer, lane, envelope);
  };
  return sent;
}

describe('a topic of the cluster', () => {
  test('reaches subscribers on all nodes, once each and in order, with one message to each node that has any', async () => {
    const world = new World();
    const nodes = [await world.join('a'), await world.join('b'), await world.join('c')] as const;
    const [a, b, c] = nodes;
    const readers = [reader(a), reader(b), reader(b), reader(c)] as const;
    for (const [i, node] of [a, b, b].entries()) node.actors.topic('news').subscribe(readers[i]?.ref as Ref<unknown>);
    c.actors.topic('other').subscribe(readers[3].ref);
    await world.clock.advance(100);
    const sent = sentBy(a);
    const news = a.actors.topic<number>('news');
    for (let i = 0; i < 10; i++) expect(news.publish(i)).toBe(true);
    await world.clock.advance(100);
    const all = Array.from({ length: 10 }, (_, i) => i);
    expect(readers.map(({ got }) => got)).toEqual([all, all, all, []]);
    expect(sent).toEqual(all.map(() => 'b publish'));
    await world.close();
  });

  test('is known to nodes that join later, and forgets those that are lost', async () => {
    const world = new World();
    const a = await world.join('a');
    const here = reader(a);
    a.actors.topic('news').subscribe(here.ref);
    const b = await world.join('b');
    await world.clock.advance(100);
    b.actors.topic('news').publish('from b');
    const there = reader(b);
    b.actors.topic('news').subscribe(there.ref);
    await world.clock.advance(100);
    a.actors.topic('news').publish('from a');
    await world.clock.advance(100);
    expect([here.got, there.got]).toEqual([['from b', 'from a'], ['from a']]);
    await world.kill(b);
    const sent = sentBy(a);
    expect(a.actors.topic('news').publish('alone')).toBe(true);
    const next = await world.join('b');
    await world.clock.advance(100);
    next.actors.topic('news').publish('next life');
    await world.clock.advance(100);
    expect(here.got.slice(2)).toEqual(['alone', 'next life']);
    expect(sent).toEqual(['b join']);
    expect(a.actors.system.deadLetters.count).toBe(0);
    await world.close();
  });

  test('has a subscriber before whoever it writes to afterwards answers by it', async () => {
    const world = new World();
    const [a, b] = [await world.join('a'), await world.join('b')];
    world.network.delayMs = 30;
    b.actors.spawn<unknown>(() => ({ receive: () => void b.actors.topic('news').publish('you asked') }), {
      name: 'publisher',
    });
    const publisher = await world.settle(a.actors.find<unknown>('b', 'publisher'));
    const { ref, got } = reader(a);
    a.actors.topic('news').subscribe(ref);
    publisher.tell('go');
    await world.clock.advance(200);
    expect(got).toEqual(['you asked']);
    await world.close();
  });

  test('is told to a node no more when its subscribers there have left or died', async () => {
    const world = new World();
    const [a, b] = [await world.join('a'), await world.join('b')];
    const sent = sentBy(a);
    const [one, two] = [reader(b), reader(b)];
    const there = b.actors.topic('news');
    there.subscribe(one.ref);
    there.subscribe(two.ref);
    await world.clock.advance(100);
    expect(there.unsubscribe(one.ref)).toBe(true);
    expect(there.unsubscribe(one.ref)).toBe(false);
    await world.settle(b.actors.system.stop(two.ref));
    const news = a.actors.topic('news');
    news.publish(1);
    await world.clock.advance(100);
    news.publish(2);
    await world.clock.advance(100);
    expect(sent).toEqual(['b publish']);
    there.subscribe(one.ref);
    await world.clock.advance(100);
    news.publish(3);
    await world.clock.advance(100);
    expect([one.got, two.got]).toEqual([[3], []]);
    await world.close();
  });

  test('has listeners that are no actors: none takes the topic from another, and all hear of the end', async () => {
    const world = new World();
    const [a, b] = [await world.join('a'), await world.join('b')];
    const sent = sentBy(a);
    const heard: unknown[] = [];
    const listen = (who: string): (() => void) =>
      b.actors.listen('news', {
        heard: (published) => {
          // What one has encoded is there for the next.
          heard.push(`${who} ${published.message} ${published.bytes?.length}`);
          published.bytes ??= new Uint8Array(7);
        },
        ended: () => void heard.push(`${who} ended`),
      });
    const publish = async (message: number): Promise<unknown[]> => {
      a.actors.topic('news').publish(message);
      await world.clock.advance(100);
      return heard.splice(0);
    };
    const [stopOne, stopTwo] = [listen('one'), listen('two')];
    const { ref } = reader(b);
    b.actors.topic('news').subscribe(ref);
    await world.clock.advance(100);
    expect(await publish(1)).toEqual(['one 1 undefined', 'two 1 7']);
    stopOne();
    b.actors.topic('news').unsubscribe(ref);
    await world.clock.advance(100);
    expect(await publish(2)).toEqual(['two 2 undefined']);
    stopTwo();
    await world.clock.advance(100);
    expect(await publish(3)).toEqual([]);
    expect(sent).toEqual(['b publish', 'b publish']);
    listen('three');
    await world.settle(b.actors.stop(100));
    expect(heard).toEqual(['three ended']);
    expect(() => listen('four')).toThrow(expect.objectContaining({ code: 'SHUTTING_DOWN' }));
    await world.close();
  });

  test('loses for a node whose way is full, says so, and spares the others', async () => {
    const world = new World();
    const { user } = DEFAULT_LINK_LIMITS.lanes;
    const lanes = { ...DEFAULT_LINK_LIMITS.lanes, user: { ...user, heldMessagesMax: 3 } };
    const a = await world.join('a', { linkLimits: { lanes } });
    const [b, c] = [await world.join('b'), await world.join('c')];
    const [far, near] = [reader(b), reader(c)];
    b.actors.topic('news').subscribe(far.ref);
    c.actors.topic('news').subscribe(near.ref);
    await world.clock.advance(100);
    world.network.cut('a', 'b');
    const taken: boolean[] = [];
    for (let i = 0; i < 5; i++) {
      taken.push(a.actors.topic('news').publish(i));
      await world.clock.advance(50);
    }
    expect(taken).toEqual([true, true, true, false, false]);
    expect(near.got).toEqual([0, 1, 2, 3, 4]);
    const letters = a.actors.system.deadLetters.recent().map(({ message, to, reason }) => [message, to, reason]);
    expect(letters).toEqual([
      [3, 'b#2/news', 'overflow'],
      [4, 'b#2/news', 'overflow'],
    ]);
    world.network.heal();
    await world.clock.advance(2_000);
    expect(far.got).toEqual([0, 1, 2]);
    await world.close();
  });

  test("refuses what can't be", async () => {
    const world = new World();
    const [a, b] = [await world.join('a'), await world.join('b')];
    const { ref } = reader(b);
    b.actors.topic('news').subscribe(ref);
    await world.clock.advance(100);
    const invalid = expect.objectContaining({ code: 'INVALID_ARGUMENT' });
    expect(() => a.actors.topic('')).toThrow(invalid);
    expect(() => a.actors.topic('x'.repeat(TOPIC_NAME_MAX + 1))).toThrow(invalid);
    expect(() => a.actors.topic('news').subscribe(a.actors.refOf(b.actors.addressOf(ref)))).toThrow(invalid);
    const asker = a.actors.spawn<unknown>(() => ({
      receive: (message) => void a.actors.topic('news').publish(message),
    }));
    const ask = asker.ask((reply) => ({ reply }));
    ask.catch(() => undefined);
    await world.clock.advance(100);
    await expect(ask).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await world.close();
  });

  test('gives each subscriber what was published while it was known, whatever connections do', async () => {
    const event = fc.oneof(
      { weight: 6, arbitrary: fc.record({ type: fc.constant('publish' as const), node: fc.nat(2) }) },
      { weight: 2, arbitrary: fc.record({ type: fc.constant('subscribe' as const), node: fc.nat(2) }) },
      { weight: 1, arbitrary: fc.record({ type: fc.constant('kill' as const), node: fc.nat(2) }) },
      { weight: 1, arbitrary: fc.constant({ type: 'break' as const }) },
      { weight: 1, arbitrary: fc.record({ type: fc.constant('cut' as const), node: fc.nat(2) }) },
      { weight: 1, arbitrary: fc.constant({ type: 'heal' as const }) },
      { weight: 4, arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 200 }) }) },
    );
    const names = ['a', 'b', 'c'] as const;
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.array(event, { maxLength: 50, size: 'max' }), async (seed, events) => {
        const world = new World(seed);
        const nodes: ActorNode[] = [];
        for (const name of names) nodes.push(await world.join(name));
        const over = new Set<ActorNode>();
        const subscribers: { readonly node: ActorNode; readonly got: unknown[] }[] = [];
        /** By publisher, with how many subscribers there were before the last pause that let all nodes know. */
        const published: { readonly life: string; readonly n: number; readonly surely: number }[] = [];
        let surely = 0;
        let healed = true;
        for (const step of events) {
          if (step.type === 'publish') {
            const node = nodes[step.node] as ActorNode;
            const life = `${node.self.node}#${node.self.incarnation}`;
            published.push({ life, n: published.length, surely });
            node.actors.topic('t').publish([life, published.length - 1]);
          } else if (step.type === 'subscribe') {
            const node = nodes[step.node] as ActorNode;
            const { ref, got } = reader(node);
            node.actors.topic('t').subscribe(ref);
            subscribers.push({ node, got });
          } else if (step.type === 'kill') {
            over.add(nodes[step.node] as ActorNode);
            world.vanish(nodes[step.node] as ActorNode);
            world.declareDown(nodes[step.node] as ActorNode, 'killed');
            nodes[step.node] = await world.join(names[step.node] as string);
            surely = 0;
          } else if (step.type === 'break') world.network.breakConnections();
          else if (step.type === 'cut') {
            world.network.cut(names[step.node] as string, names[(step.node + 1) % 3] as string);
            healed = false;
          } else if (step.type === 'heal') {
            world.network.heal();
            healed = true;
          } else {
            await world.clock.advance(step.ms);
            if (healed && step.ms >= 100) {
              await world.clock.advance(20_000);
              surely = subscribers.length;
            }
          }
        }
        world.network.heal();
        await world.clock.advance(20_000);
        for (const [i, { node, got }] of subscribers.entries()) {
          if (over.has(node)) continue;
          const lives = Map.groupBy(got as [string, number][], ([life]) => life);
          for (const numbers of lives.values()) {
            const order = numbers.map(([, n]) => n);
            expect(order).toEqual([...new Set(order)].sort((x, y) => x - y));
          }
          const living = new Set(nodes.map(({ self }) => `${self.node}#${self.incarnation}`));
          for (const { life, n, surely: known } of published) {
            if (i < known && living.has(life)) expect(got).toContainEqual([life, n]);
          }
        }
        await world.close();
      }),
      { numRuns: 80 },
    );
  });
});
