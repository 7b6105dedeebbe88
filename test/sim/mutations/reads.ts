import type { Mutation } from './mutation.ts';

/** Mistakes in reads that aren't entries of the log. */
export const READS: readonly Mutation[] = [
  {
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
    mistake: 14,
    name: 'late-heartbeat-reply',
    why: 'an answer to an earlier heartbeat, late or repeated, counts for reads that came after that heartbeat left',
    patches: [
      {
        file: 'raft/consensus/leader.ts',
        find: 'const round = message.context ?? 0;',
        replace: 'const round = this.#reads.round;',
      },
    ],
  },
  {
    mistake: 15,
    name: 'lease-across-pause',
    why: 'a leader that was paused goes on believing in its lease, as its ticks have not noticed',
    patches: [
      {
        file: 'raft/consensus/node.ts',
        find: 'this.#leading?.voidLease();',
        replace: '',
      },
    ],
  },
  {
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
    mistake: 15,
    name: 'lease-without-promise',
    why: 'a voter that has granted a lease votes for another before it is over',
    patches: [
      {
        file: 'raft/consensus/node.ts',
        find: 'return this.#promised > 0 || (term > this.#term && this.#hearsLeader());',
        replace: 'return false;',
      },
      {
        file: 'raft/consensus/node.ts',
        find: "if (this.#role === 'leader' || this.#promised > 0 || !this.#promotable()) return;",
        replace: "if (this.#role === 'leader' || !this.#promotable()) return;",
      },
    ],
  },
];
