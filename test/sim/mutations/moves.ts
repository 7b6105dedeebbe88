import type { Mutation } from './mutation.ts';

/** Guards of moves, drains and notices, each left out. */
export const MOVES: readonly Mutation[] = [
  {
    world: 'cluster',
    mistake: undefined,
    name: 'mailbox-not-shipped',
    why: 'a shard moves without the messages that wait for its agents',
    patches: [
      {
        file: 'agent/runtime.ts',
        find: 'messages: deliveries.flatMap((delivery) => this.#export(delivery))',
        replace: 'messages: []',
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'cargo-not-unloaded',
    why: 'mail that was shipped ahead of a shard stays where it was put',
    patches: [
      {
        file: 'agent/runtime.ts',
        find: 'if (cargo !== undefined) this.load(shard, cargo);',
        replace: '',
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'cargo-behind-new-mail',
    why: 'mail that was shipped with a shard is put behind what comes to its new owner meanwhile',
    patches: [
      {
        file: 'agent/runtime.ts',
        find: 'if (cargo !== undefined) this.load(shard, cargo);',
        replace: 'if (cargo !== undefined) this.#parts.clock.schedule(20, () => this.load(shard, cargo));',
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'cut-message-not-shipped',
    why: 'the message of a turn that was cut off for a move is forgotten',
    patches: [
      {
        file: 'agent/runtime.ts',
        find: '...(resident.cut === undefined ? [] : [resident.cut]), ...messages, ...waiting',
        replace: '...messages, ...waiting',
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'cut-message-comes-last',
    why: 'the message of a turn that was cut off for a move goes behind those that waited',
    patches: [
      {
        file: 'agent/runtime.ts',
        find: '...(resident.cut === undefined ? [] : [resident.cut]), ...messages, ...waiting',
        replace: '...messages, ...waiting, ...(resident.cut === undefined ? [] : [resident.cut])',
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'intensity-charged',
    why: 'an agent that is at work when it is moved counts as one that has crashed',
    sign: 'was left alone',
    patches: [
      {
        file: 'actor/extract.ts',
        find: "reason: 'extracted'",
        replace: "reason: cell.busy ? 'crashed' : 'extracted'",
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'cut-turn-fails',
    why: 'a turn that is cut off for a move is refused to whoever asked, and its message is gone',
    patches: [
      {
        file: 'agent/serving.ts',
        find: 'if (resident.stopping) resident.cut = delivery;\n  return resident.stopping;',
        replace: 'return false;',
      },
      {
        file: 'agent/serving.ts',
        find: 'if (HARMLESS.has(known.code)) return;',
        replace: 'if (HARMLESS.has(known.code) && !delivery.resident.stopping) return;',
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'epoch-raised-before-owner-stopped',
    why: 'the ledger moves a shard while its old owner still works, and has shipped nothing',
    patches: [
      {
        file: 'cluster/handover.ts',
        find: 'router.line(id).freeze();',
        replace: `await this.#parts.coordinator.execute('shards.transfer', { fences: [{ ...id, epoch: shard.epoch }], to: target });
          router.line(id).freeze();`,
      },
      {
        file: 'cluster/shipping.ts',
        find: "await coordinator.execute('shards.transfer', { fences, to });",
        replace: 'void fences;',
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'late-messages-not-forwarded',
    why: 'what comes to the old owner after a shard has moved is dropped',
    patches: [
      {
        file: 'cluster/shard-line.ts',
        find: 'if (epoch === known && owned && !this.#frozen) return this.#exits.deliver(envelope);',
        replace: `if (epoch === known && owned && !this.#frozen) return this.#exits.deliver(envelope);
          if (epoch > 0 && epoch < known && !owned) return;`,
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'line-opens-without-marker',
    why: 'a sender goes over to the new owner while what it sent the old way is still under way',
    patches: [
      {
        file: 'cluster/shard-line.ts',
        find: 'if (this.#way.length === 0) arrived();',
        replace: 'if (this.#way.length >= 0) arrived();',
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'line-not-frozen',
    why: 'messages are delivered to agents that are being taken away',
    patches: [
      {
        file: 'cluster/handover.ts',
        find: 'router.line(id).freeze();',
        replace: '',
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'failed-move-stays-frozen',
    why: 'after a move that failed the shard goes on holding its messages back',
    patches: [
      {
        file: 'cluster/handover.ts',
        find: 'router.line(shard).thaw();',
        replace: '',
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'draining-node-gets-shards',
    why: 'the ledger gives shards to a node that is about to leave',
    patches: [
      {
        file: 'coordinator/ledger/nodes.ts',
        find: "row.state === 'up' &&",
        replace: "row.state !== 'down' &&",
      },
    ],
  },
];
