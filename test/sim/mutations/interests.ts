import type { Mutation } from './mutation.ts';

/** Guards of what agents watch and are subscribed to, each left out. */
export const INTERESTS: readonly Mutation[] = [
  {
    world: 'cluster',
    mistake: undefined,
    name: 'watches-not-shipped',
    why: 'a shard moves without what its agents watch: they never hear of the end of it',
    sign: 'has not heard of the end of',
    patches: [
      {
        file: 'agent/runtime.ts',
        find: 'const watches = this.#watches.take(shard);',
        replace: `this.#watches.take(shard);
    const watches = [];`,
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'subscriptions-not-shipped',
    why: 'a shard moves without what its agents are subscribed to: when its old node has left they hear nothing more',
    sign: 'a subscriber has not heard',
    patches: [
      {
        file: 'agent/runtime.ts',
        find: 'const subscriptions = this.#subscriptions.of(shard);',
        replace: 'const subscriptions = [];',
      },
    ],
  },
];
