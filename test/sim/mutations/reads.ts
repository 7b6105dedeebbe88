import type { Mutation } from './mutation.ts';

/** Mistakes in reads that aren't entries of the log. */
export const READS: readonly Mutation[] = [
  {
    world: 'coordinator',
    mistake: 12,
    name: 'deposed-leader-reads',
    why: 'a leader answers reads without asking anyone whether it still leads',
    patches: [
      {
        file: 'raft/consensus/leader.ts',
        find: 'const settled = this.#settled((member) => member.readRound);',
        replace: 'const settled = this.#reads.round;',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 13,
    name: 'read-before-commit-of-term',
    why: 'a new leader reads at the commit index it knows, though its predecessor may have committed more',
    patches: [
      {
        file: 'raft/consensus/leader.ts',
        find: 'return this.#reads.add(from, context, this.#committedInTerm ? this.#log.commit : undefined);',
        replace: 'return this.#reads.add(from, context, this.#log.commit);',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 14,
    name: 'answer-from-before-the-read',
    why: 'an answer to a heartbeat that left before a read came releases the read, however late or often it arrives',
    patches: [
      {
        file: 'raft/consensus/read-index.ts',
        find: 'round: this.#round + 1',
        replace: 'round: this.#round',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 15,
    name: 'lease-across-pause',
    why: 'a leader that was paused believes in its lease, since it counts ticks and not the time that passed between them',
    patches: [
      {
        file: 'raft/driver/member.ts',
        find: 'return clock.monotonic() - this.#tickedAt > tickMs * TICK_LATE_FACTOR;',
        replace: 'return clock.monotonic() - this.#tickedAt < 0 && tickMs < 0;',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 15,
    name: 'lease-across-transfer',
    why: 'a leader reads under its lease though it has told another to stand at once, whom the lease does not hold back',
    patches: [
      {
        file: 'raft/consensus/leader.ts',
        find: 'this.#lease.end();',
        replace: '',
      },
      {
        file: 'raft/consensus/leader.ts',
        find: 'const holds = this.#committedInTerm && this.#transferee === undefined && this.#lease.holds(this.#ticks);',
        replace: 'const holds = this.#committedInTerm && this.#lease.holds(this.#ticks);',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 15,
    name: 'lease-outlives-promise',
    why: 'a lease lasts longer than the promise it stands on: a slow clock, or none at all, is enough for a stale read',
    patches: [
      {
        file: 'raft/consensus/lease.ts',
        find: 'return tick - this.#start < this.#ticks;',
        replace: 'return tick - this.#start < 6 * this.#ticks;',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 15,
    name: 'lease-without-promise',
    why: 'a voter that has granted a lease votes for another before it is over',
    patches: [
      {
        file: 'raft/consensus/node.ts',
        find: 'return this.#promised > 0 || (term > this.#term && this.#hearsLeader());',
        replace: 'return term > this.#term && this.#hearsLeader();',
      },
      {
        file: 'raft/consensus/node.ts',
        find: "if (this.#role === 'leader' || this.#promised > 0 || !this.#promotable()) return;",
        replace: "if (this.#role === 'leader' || !this.#promotable()) return;",
      },
    ],
  },
];
