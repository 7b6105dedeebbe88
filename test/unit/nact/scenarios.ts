import type { ActorContext, LogMsg, Nact, Ref, SupervisionContext } from '../../../src/nact/index.ts';
import { MemoryEngine } from './memory-engine.ts';

/** What is compared: nact itself, or the adapter. */
export type Library = Nact & {
  readonly configurePersistence: typeof import('../../../src/nact/index.ts').configurePersistence;
};

/** Plays a scene and says what is to be seen; the same lines are expected of both. */
export type Scenario = (nact: Library, say: (...facts: readonly unknown[]) => void) => Promise<void>;

type Context = ActorContext<unknown, Ref<never>>;
type Crash = SupervisionContext<unknown, Ref<never>>;

/** A till of a museum shop: counts what it sells, and breaks at a coin it doesn't know. */
function till(nact: Library, say: (...facts: readonly unknown[]) => void) {
  return (sold: number | undefined, message: unknown, ctx: Context): number => {
    const before = sold ?? 0;
    if (message === 'broken coin') throw new Error(`${ctx.name} is jammed`);
    if (message === 'how much?') nact.dispatch(ctx.sender, before, ctx.self as Ref<never>);
    else say(ctx.name, 'sells', message);
    return message === 'how much?' ? before : before + 1;
  };
}

/** Resolves once all that an actor has been sent before is handled. */
async function sync(nact: Library, actor: Ref<unknown>): Promise<unknown> {
  return nact.query(actor, 'how much?', 1_000);
}

async function failed(say: (...facts: readonly unknown[]) => void, what: string, run: () => unknown): Promise<void> {
  let outcome = 'went well';
  try {
    await run();
  } catch {
    outcome = 'failed';
  }
  say(what, outcome);
}

/** What `onCrash` of the shop and of its tills answers. */
interface Policies {
  readonly shop?: keyof Crash;
  readonly till?: keyof Crash;
}

/** Two tills below a shop whose `onCrash` decides for them; each escalates unless it is given a policy. */
function shopOf(
  nact: Library,
  say: (...facts: readonly unknown[]) => void,
  policies: { shop?: keyof Crash; till?: keyof Crash },
) {
  const system = nact.start();
  const closed: [string, unknown][] = [];
  const onCrash =
    (verdict: keyof Crash) =>
    (message: unknown, error: unknown, ctx: Crash, child?: unknown): symbol => {
      const from = (child as { name?: string } | undefined)?.name;
      say(
        ctx.name,
        'decides',
        verdict,
        message,
        (error as Error).message,
        from,
        ctx.mailbox.map((mail) => mail.message),
      );
      return ctx[verdict] as unknown as symbol;
    };
  const shop = nact.spawn(system, till(nact, say) as never, 'shop', {
    onCrash: onCrash(policies.shop ?? 'stop') as never,
    afterStop: (sold: unknown) => void closed.push(['shop', sold]),
  }) as Ref<unknown>;
  const open = (name: string): Ref<unknown> =>
    nact.spawn(shop as Ref<never>, till(nact, say) as never, name, {
      initialState: 10 as never,
      onCrash: onCrash(policies.till ?? 'escalate') as never,
      afterStop: (sold: unknown) => void closed.push([name, sold]),
    });
  return { system, shop, north: open('north'), south: open('south'), closed };
}

/**
 * Both tills sell, one breaks, and whoever still answers says how much it has sold.
 *
 * @param closing who is stopped by the verdict itself; of those below them nact forgets that they are to be stopped
 */
function crash(policies: Policies, closing: readonly string[] = []): Scenario {
  return async (nact, say) => {
    const { system, shop, north, south, closed } = shopOf(nact, say, policies);
    for (const [who, what] of [
      [shop, 'a guide'],
      [south, 'a stamp'],
      [north, 'a card'],
    ] as const) {
      nact.dispatch(who, what);
      await sync(nact, who);
    }
    nact.dispatch(north, 'broken coin');
    nact.dispatch(north, 'a map');
    // Whoever was stopped never answers: that is a fact of the scene too.
    const ask = (who: Ref<unknown>): Promise<unknown> => nact.query(who, 'how much?', 60).catch(() => 'no answer');
    await ask(north);
    for (const [name, who] of Object.entries({ north, south, shop })) say(name, await ask(who));
    // In which order siblings are closed is promised by neither.
    say('closed', closed.filter(([name]) => closing.includes(name)).sort());
    nact.stop(system);
  };
}

/** What both must do alike. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  async 'an actor without state gets its messages in order, with a name, a path and a log'(nact, say) {
    const system = nact.start({ name: 'museum-1' });
    const guide = nact.spawnStateless(
      system,
      function (this: unknown, message: unknown, ctx: Context) {
        say(message, ctx.name, String(ctx.path), ctx.children.size, this === ctx, ctx.parent === system);
        nact.dispatch(ctx.sender, 'done');
      },
      'guide',
    );
    nact.dispatch(guide, 'left');
    nact.dispatch(guide, { right: 1 });
    say(await nact.query(guide, 'end', 1_000));
    const { name, path, parent } = guide as never as { name: string; path: unknown; parent: unknown };
    say(name, String(path), parent === system);
    nact.stop(system);
  },

  async 'an actor without a name is given one'(nact, say) {
    const system = nact.start();
    const one = nact.spawnStateless(system, () => undefined) as never as { name: string };
    const two = nact.spawnStateless(system, () => undefined) as never as { name: string };
    say(typeof one.name, one.name !== two.name);
    nact.stop(system);
  },

  async 'state: what a handler returns is what the next one gets, from undefined on'(nact, say) {
    const system = nact.start();
    const guests = nact.spawn(
      system,
      async (seen: readonly string[] = [], name: string, ctx: Context) => {
        nact.dispatch(ctx.sender, seen.includes(name) ? `again ${name}` : `welcome ${name}`);
        return seen.includes(name) ? seen : [...seen, name];
      },
      'guests',
    );
    for (const name of ['Ada', 'Grace', 'Ada']) say(await nact.query(guests, name, 1_000));
    const till1 = nact.spawn(system, till(nact, say) as never, 'till-1', { initialState: 7 as never }) as Ref<unknown>;
    say(await sync(nact, till1));
    const till2 = nact.spawn(system, till(nact, say) as never, 'till-2', {
      initialStateFunc: ((ctx: Context) => ctx.name.length) as never,
    }) as Ref<unknown>;
    say('made within spawn', await sync(nact, till2));
    nact.stop(system);
  },

  async 'one message at a time, also when the handler waits'(nact, say) {
    const system = nact.start();
    const slow = nact.spawn(
      system,
      async (_: unknown, message: unknown, ctx: Context) => {
        say('begins', message);
        await new Promise((resolve) => setImmediate(resolve));
        say('ends', message);
        nact.dispatch(ctx.sender, message);
      },
      'slow',
    );
    nact.dispatch(slow, 1);
    nact.dispatch(slow, 2);
    await nact.query(slow, 3, 1_000);
    nact.stop(system);
  },

  async 'senders: two play ball until one has had enough'(nact, say) {
    const system = nact.start();
    let over: () => void = () => undefined;
    const end = new Promise<void>((resolve) => {
      over = resolve;
    });
    const player = (name: string): Ref<number> =>
      nact.spawnStateless(
        system,
        (ball: number, ctx: Context) => {
          say(ctx.name, ball, (ctx.sender as unknown as { name?: string }).name);
          if (ball === 5) over();
          else nact.dispatch(ctx.sender, ball + 1, ctx.self as Ref<never>);
        },
        name,
      );
    nact.dispatch(player('left'), 1, player('right') as Ref<never>);
    await end;
    nact.stop(system);
  },

  async 'queries: an answer to the sender, or to a ref in the message; a time limit; nobody there'(nact, say) {
    const system = nact.start();
    const desk = nact.spawnStateless(
      system,
      (message: { silent?: boolean; to?: Ref<never> }, ctx: Context) => {
        if (!message.silent) nact.dispatch((message.to ?? ctx.sender) as Ref<unknown>, 'here');
        if (!message.silent) nact.dispatch((message.to ?? ctx.sender) as Ref<unknown>, 'a second answer is lost');
      },
      'desk',
    );
    say(await nact.query(desk, {}, 1_000));
    say(await nact.query(desk, ((to: Ref<never>) => ({ to })) as never, 1_000));
    await nact.query(desk, { silent: true }, 10).catch((error: Error) => say('rejects', error.message));
    await failed(say, 'without a time limit', () => nact.query(desk, {}, undefined as never));
    nact.stop(desk as Ref<never>);
    await failed(say, 'to a stopped one', () => nact.query(desk, {}, 1_000));
    await failed(say, 'to a system', () => nact.query(system as never, {}, 1_000));
    await failed(say, 'a message to a stopped one', () => nact.dispatch(desk, {}));
    nact.stop(system);
  },

  async 'hierarchy: a parent makes children as they are needed, and hands the sender on'(nact, say) {
    const system = nact.start({ name: 'museum-2' });
    const room = (parent: Ref<never>, name: string): Ref<unknown> =>
      nact.spawn(
        parent,
        (visits: number | undefined, message: unknown, ctx: Context) => {
          nact.dispatch(ctx.sender, [String(ctx.path), message, (visits ?? 0) + 1]);
          return (visits ?? 0) + 1;
        },
        name,
      ) as Ref<unknown>;
    const wing = nact.spawnStateless(
      system,
      (message: { room: string }, ctx: Context) => {
        const known = ctx.children.has(message.room);
        say('known', known, [...ctx.children.keys()]);
        const child = ctx.children.get(message.room) ?? room(ctx.self as Ref<never>, message.room);
        nact.dispatch(child, message.room, ctx.sender as Ref<never>);
      },
      'wing',
    );
    for (const name of ['red', 'blue', 'red']) say(await nact.query(wing, { room: name }, 1_000));
    nact.stop(system);
  },

  async 'names: taken ones and odd ones are refused, a stopped one is free at once'(nact, say) {
    const system = nact.start();
    const make = (name: string): Ref<unknown> => nact.spawn(system, till(nact, say) as never, name) as Ref<unknown>;
    const first = make('till');
    await failed(say, 'taken', () => make('till'));
    await failed(say, 'with a slash', () => make('a/b'));
    await failed(say, 'with a space', () => make('a b'));
    await failed(say, 'with a dot', () => make('a.b-c_d+e'));
    nact.stop(first as Ref<never>);
    const second = make('till');
    nact.dispatch(second, 'a card');
    say('the old ref reaches the newcomer', await sync(nact, first));
    nact.stop(system);
  },

  async 'stop: children too, with what they leave behind; and nobody can be started there any more'(nact, say) {
    const { system, shop, north, closed } = shopOf(nact, say, {});
    nact.dispatch(north, 'a card');
    await sync(nact, north);
    nact.stop(shop as Ref<never>);
    await failed(say, 'spawn below a stopped one', () => nact.spawnStateless(shop as Ref<never>, () => undefined));
    await failed(say, 'query to a child', () => sync(nact, north));
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    say(closed.filter(([name]) => name === 'shop'));
    nact.stop(system);
    await failed(say, 'spawn in a stopped system', () => nact.spawnStateless(system, () => undefined));
  },

  async 'stop from within: the message is finished, those behind it are left'(nact, say) {
    const system = nact.start();
    const closed = new Promise<void>((resolve) => {
      const last = nact.spawn(
        system,
        (sold: number | undefined, message: unknown, ctx: Context) => {
          say('handles', message);
          if (message === 'stop') nact.stop(ctx.self as Ref<never>);
          return (sold ?? 0) + 1;
        },
        'last',
        {
          afterStop: (sold, ctx) => {
            say(
              'left',
              sold,
              ctx.name,
              ctx.mailbox.map((mail) => mail.message),
            );
            resolve();
          },
        },
      );
      for (const message of ['a', 'stop', 'b']) nact.dispatch(last, message);
    });
    await closed;
    nact.stop(system);
  },

  async 'shutdownAfter: an idle actor stops, a busy one does not'(nact, say) {
    const system = nact.start();
    await new Promise<void>((resolve) => {
      const idle = nact.spawn(system, till(nact, say) as never, 'idle', {
        shutdownAfter: 20,
        afterStop: (sold: unknown) => {
          say('stopped with', sold);
          resolve();
        },
      }) as Ref<unknown>;
      nact.dispatch(idle, 'a card');
    });
    await failed(say, 'not a number', () =>
      nact.spawn(system, till(nact, say) as never, 'odd', { shutdownAfter: 'soon' as never }),
    );
    nact.stop(system);
  },

  async 'a crash without a policy stops the actor; one without state goes on'(nact, say) {
    const system = nact.start();
    const stateful = nact.spawn(system, till(nact, say) as never, 'till') as Ref<unknown>;
    nact.dispatch(stateful, 'broken coin');
    await nact.query(stateful, 'how much?', 30).catch(() => say('no answer'));
    await failed(say, 'it is gone', () => sync(nact, stateful));
    const stateless = nact.spawnStateless(
      system,
      (message: unknown, ctx: Context) => {
        if (message === 'broken coin') throw new Error('jammed');
        nact.dispatch(ctx.sender, 'goes on');
      },
      'stateless',
    );
    nact.dispatch(stateless, 'broken coin');
    say(await nact.query(stateless, 'well?', 1_000));
    nact.stop(system);
  },

  'onCrash stop': crash({ till: 'stop' }, ['north']),
  'onCrash stopAll': crash({ till: 'stopAll' }, ['north', 'south']),
  'onCrash resume': crash({ till: 'resume' }),
  'onCrash reset': crash({ till: 'reset' }),
  'onCrash resetAll': crash({ till: 'resetAll' }),
  'onCrash escalate, and stopAllChildren': crash({ till: 'escalate', shop: 'stopAllChildren' }, ['north', 'south']),
  'onCrash escalate, and stop': crash({ till: 'escalate', shop: 'stop' }, ['shop']),
  'onCrash escalate, and stopChild': crash({ till: 'escalate', shop: 'stopChild' }, ['north']),
  'onCrash escalate, and resetChild': crash({ till: 'escalate', shop: 'resetChild' }),
  'onCrash escalate, and resetAllChildren': crash({ till: 'escalate', shop: 'resetAllChildren' }),
  'onCrash escalate, and reset': crash({ till: 'escalate', shop: 'reset' }),
  'onCrash escalate to the system': crash({ till: 'escalate', shop: 'escalate' }, ['shop']),

  async 'an initial state that can not be made is a crash without a message'(nact, say) {
    const system = nact.start();
    let tries = 0;
    const actor = nact.spawn(system, till(nact, say) as never, 'till', {
      initialStateFunc: (() => {
        if (++tries === 1) throw new Error('no float');
        return 5;
      }) as never,
      onCrash: (message, error, ctx) => {
        say('decides', message, (error as Error).message);
        return ctx.reset;
      },
    }) as Ref<unknown>;
    await new Promise((resolve) => setImmediate(resolve));
    say(await sync(nact, actor));
    nact.stop(system);
  },

  async 'persistence: events are replayed, from a snapshot on; a query sees the same'(nact, say) {
    const engine = new MemoryEngine();
    const run = async (): Promise<void> => {
      const system = nact.start(nact.configurePersistence(engine));
      const open = (snapshotEvery?: number): Ref<unknown> =>
        nact.spawnPersistent(
          system,
          (async (
            sold: readonly string[] = [],
            message: string,
            ctx: Context & { recovering?: boolean; persist: (m: string) => Promise<void> },
          ) => {
            if (message === 'all') {
              nact.dispatch(ctx.sender, sold);
              return sold;
            }
            if (!ctx.recovering) await ctx.persist(message);
            else say('replays', message);
            return [...sold, message];
          }) as never,
          'ledger:shop',
          'ledger',
          {
            ...(snapshotEvery === undefined ? {} : { snapshotEvery }),
            encoder: (m) => ({ m }),
            decoder: (d) => (d as { m: never }).m,
          },
        ) as Ref<unknown>;
      const ledger = open(2);
      for (const item of ['card', 'map', 'stamp']) nact.dispatch(ledger, item);
      say(await nact.query(ledger, 'all', 1_000));
      const asked = nact.persistentQuery(
        system,
        ((count: number | undefined, _: unknown) => (count ?? 0) + 1) as never,
        'ledger:shop',
      );
      say('events', await asked());
      nact.stop(system);
    };
    await run();
    say(engine.kept.map(({ key, sequenceNumber, data, isDeleted }) => [key, sequenceNumber, data, isDeleted]));
    say(engine.snapshots.map(({ key, sequenceNumber, data }) => [key, sequenceNumber, data]));
    await run();
  },

  async 'persistence without an engine, or a key, is refused'(nact, say) {
    await failed(say, 'no engine at all', () => nact.start(nact.configurePersistence(undefined as never)));
    const system = nact.start(nact.configurePersistence(new MemoryEngine()));
    await failed(say, 'no key', () => nact.spawnPersistent(system, (() => 1) as never, '' as never));
    await failed(say, 'odd snapshotEvery', () =>
      nact.spawnPersistent(system, (() => 1) as never, 'key', 'name', { snapshotEvery: 'often' as never }),
    );
    nact.stop(system);
  },

  async 'a log: what actors write goes to the engine'(nact, say) {
    const lines: string[] = [];
    const write = (channel: string) => (line: string) => lines.push(`${channel} ${line}`);
    const system = nact.start(
      { name: 'museum-3' },
      nact.configureLogging(
        nact.logToConsole({
          consoleProxy: { trace: write('trace'), warn: write('warn'), error: write('error') } as never,
          formatter: (line: LogMsg) =>
            line.type === 'trace'
              ? `${line.level} ${line.message}`
              : `${line.type} ${JSON.stringify({ ...line, actor: 0, createdAt: 0 })}`,
        }),
      ),
    );
    const writer = nact.spawnStateless(
      system,
      (_: unknown, ctx: Context) => {
        const { log } = ctx;
        log.trace('a');
        log.debug('b');
        log.info('c');
        log.warn('d');
        log.error('e');
        log.critical('f');
        log.event('sold', { items: 2 });
        log.metric('queue', 3);
        nact.dispatch(ctx.sender, 'written');
      },
      'writer',
    );
    await nact.query(writer, 0, 1_000);
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    say(...lines);
    nact.stop(system);
  },
};
