import type { Mutation } from './mutation.ts';

/** Guards of nodes and their agents, each left out. */
export const CLUSTER: readonly Mutation[] = [
  {
    world: 'cluster',
    mistake: undefined,
    name: 'epoch-not-checked',
    why: 'the ledger takes a write of whoever once owned the shard',
    patches: [
      {
        file: 'coordinator/ledger/shards.ts',
        find: 'if (owner === null || epoch !== fence.epoch) {',
        replace: 'if (owner === null) {',
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'ownerless-shard-is-written',
    why: 'an owner that was given up goes on writing until there is another one',
    patches: [
      {
        file: 'coordinator/ledger/shards.ts',
        find: 'if (owner === null || epoch !== fence.epoch) {',
        replace: 'if (epoch !== fence.epoch) {',
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'receipt-after-effect',
    why: 'a step is recorded only when it is done: a crash after its effect forgets that it began',
    patches: [
      {
        file: 'agent/steps.ts',
        find: 'if (!unknown) await memory.stepStarted(requestId, name, key);',
        replace: '',
      },
      {
        file: 'agent/steps.ts',
        find: 'await this.#done(step, value);',
        replace: `if (!unknown) await memory.stepStarted(requestId, name, key);
          await this.#done(step, value);`,
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'unknown-step-repeated',
    why: 'a step whose outcome is unknown is run again without asking what became of it',
    patches: [
      {
        file: 'agent/steps.ts',
        find: "if (unknown && options.onUnknown === 'reconcile') {",
        replace: "if (unknown && options.onUnknown === 'hold') {",
      },
      {
        file: 'agent/steps.ts',
        find: "if (!clean && options.onUnknown !== undefined && options.onUnknown !== 'retry') await this.#hold(name, key);",
        replace: '',
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'finished-step-repeated',
    why: 'a turn that runs again runs its finished steps too',
    patches: [
      {
        file: 'agent/steps.ts',
        find: 'const kept = done !== undefined ||',
        replace: 'const kept = (done !== undefined && false) ||',
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'snapshot-ahead-of-its-events',
    why: 'a snapshot takes the place of records that it does not hold',
    patches: [
      {
        file: 'agent/journal.ts',
        find: 'for (const [i, line] of named.entries()) this.#take(',
        replace:
          'const early = encodePayload(imageOf(this.#folded, 0)); for (const [i, line] of named.entries()) this.#take(',
      },
      {
        file: 'agent/journal.ts',
        find: 'snapshot: encodePayload(imageOf(this.#folded, this.#clock.monotonic())),',
        replace: 'snapshot: early,',
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'answer-before-append',
    why: 'a turn is answered while its end is still on its way to the ledger',
    patches: [
      {
        file: 'agent/activation.ts',
        find: 'if (turn.durable || origin !== undefined) await this.#keep(',
        replace: 'if (turn.durable || origin !== undefined) void this.#keep(',
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'reply-not-remembered',
    why: 'a request that was answered is carried out again when it is repeated',
    patches: [
      {
        file: 'agent/activation.ts',
        find: 'if (recorded !== undefined) return this.#answer(',
        replace: 'if (recorded !== undefined && requestId === undefined) return this.#answer(',
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'request-forgotten-with-its-reply',
    why: 'a busy agent carries a request out again whose reply it has forgotten',
    patches: [
      { file: 'agent/folded.ts', find: 'const REPLIES_MAX = 64;', replace: 'const REPLIES_MAX = 2;' },
      { file: 'agent/folded.ts', find: 'folded.past.add(request);', replace: '' },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'journal-version-not-compared',
    why: 'an append is taken of a writer that does not know what is there',
    patches: [
      {
        file: 'coordinator/ledger/journals.ts',
        find: 'if (request.version !== last) throw conflict(fence, key, head);',
        replace: 'if (request.version < 0) throw conflict(fence, key, head);',
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'dead-node-keeps-its-shards',
    why: 'what a node owned that was given up stays without an owner that serves it',
    patches: [
      {
        file: 'coordinator/ledger/nodes.ts',
        find: 'this.#shards.release(row, scope);',
        replace: "if (state === 'left') this.#shards.release(row, scope);",
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'given-up-node-stays-away',
    why: 'a node that the cluster has given up, and that lives, does not join again',
    patches: [
      {
        file: 'node/life.ts',
        find: '(isOver(node) && node.incarnation === incarnation)',
        replace: 'false',
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'session-forgets-replies',
    why: 'a command that is sent again because its answer was lost is carried out again',
    patches: [
      {
        file: 'coordinator/ledger/ledger.ts',
        find: 'if (recorded !== undefined) return recorded;',
        replace: '',
      },
    ],
  },
];
