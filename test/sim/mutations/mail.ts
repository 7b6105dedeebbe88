import type { Mutation } from './mutation.ts';

/** Guards of durable messages and timers, each left out. */
export const MAIL: readonly Mutation[] = [
  {
    world: 'cluster',
    mistake: undefined,
    name: 'message-taken-twice',
    why: 'a durable message that is delivered again, as nobody heard that it had arrived, takes effect again',
    patches: [
      { file: 'agent/outbox.ts', find: 'return (this.#last.get(from) ?? -1) >= seq;', replace: 'return seq < 0;' },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'message-overtakes-its-elders',
    why: 'a durable message goes ahead of those of its pair that wait, whose numbers are then smaller than the last one taken',
    patches: [
      {
        file: 'agent/courier.ts',
        find: 'if (queue !== undefined) queue.push(parcel);',
        replace: 'if (queue !== undefined) queue.splice(1, 0, parcel);',
      },
      {
        file: 'agent/outbox.ts',
        find: 'return (this.#last.get(from) ?? -1) >= seq;',
        replace: 'return this.#last.get(from) === seq;',
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'accepted-message-waits-for-a-clock',
    why: 'a message from outside is due when it came by the clock of the node that accepted it: at one whose clock is behind, later ones overtake it',
    patches: [
      {
        file: 'agent/agenda.ts',
        find: 'return request === undefined ? at : 0;',
        replace: 'return request === undefined ? at : at;',
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'wake-not-kept',
    why: 'the store does not know which agents have something to do: the next owner of their shard wakes none of them',
    patches: [{ file: 'agent/journal.ts', find: '...(wake !== this.#wake && { wake }),', replace: '' }],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'messages-before-their-turn',
    why: 'messages and timers are kept in an append before the one of their turn, which may never come',
    patches: [
      {
        file: 'agent/journal.ts',
        find: 'for (const each of this.pending.linesOf(effects, more.freshId)) this.#add(each);',
        replace: `{
          for (const each of this.pending.linesOf(effects, more.freshId)) this.#add(each);
          this.#gathering?.go();
          this.#gathering = undefined;
        }`,
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'messages-after-their-turn',
    why: 'a turn is kept, and what it has sent in an append behind it: a crash in between loses that',
    patches: [
      {
        file: 'agent/activation.ts',
        find: 'const rest = more && { origin, effects, history, ended, nowMs: post.nowMs, freshId: post.freshId };',
        replace: `const late = { effects, nowMs: post.nowMs, freshId: post.freshId };
          const rest = more && { ...late, effects: undefined, origin, history, ended };`,
      },
      {
        file: 'agent/activation.ts',
        find: 'if (rest === undefined) return kept;',
        replace: `if (rest === undefined) return kept;
          if (effects !== undefined) {
            return kept
              .then(() => memory.turnDone(turn.requestId + ' sends', undefined, undefined, undefined, late as never))
              .then(() => {
                if (ended !== undefined) post.told(fence, this.#address, ended);
                post.tend(fence, this.#address, pending);
              });
          }`,
      },
    ],
  },
  {
    world: 'cluster',
    mistake: undefined,
    name: 'timer-not-crossed-off',
    why: 'a timer stays on the agenda when its turn is over: it rings again, and again',
    patches: [{ file: 'agent/pending.ts', find: 'if (given !== undefined) this.agenda.fire(given);', replace: '' }],
  },
];
