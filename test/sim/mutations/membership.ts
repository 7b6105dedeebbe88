import type { Mutation } from './mutation.ts';

/** Mistakes in changes of the members, and in who counts. */
export const MEMBERSHIP: readonly Mutation[] = [
  {
    world: 'coordinator',
    mistake: 16,
    name: 'change-before-commit-of-term',
    why: 'a new leader changes the members before it has committed anything: a change of its predecessor may lie below it',
    patches: [
      {
        file: 'raft/consensus/leader.ts',
        find: 'return this.#committedInTerm && this.#log.applied >= this.#changeIndex;',
        replace: 'return this.#log.applied >= this.#changeIndex;',
      },
      {
        file: 'raft/consensus/leader.ts',
        find: 'this.#changeIndex = this.#log.lastIndex;\n    this.#marks',
        replace: 'this.#changeIndex = 0;\n    this.#marks',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 17,
    name: 'two-changes-at-once',
    why: 'a leader begins a change of the members before the one before it holds',
    patches: [
      {
        file: 'raft/consensus/leader.ts',
        find: 'return this.#committedInTerm && this.#log.applied >= this.#changeIndex;',
        replace: 'return this.#committedInTerm;',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 17,
    name: 'truncated-change-stays',
    why: 'a follower goes by a change of the members as soon as it has the entry, and keeps it when the entry is replaced',
    patches: [
      {
        file: 'raft/consensus/node.ts',
        find: 'this.#log.commitTo(Math.min(message.commit ?? 0, matched));',
        replace: `this.#log.commitTo(Math.min(message.commit ?? 0, matched));
    for (const entry of message.entries ?? NO_ENTRIES) {
      if (entry.kind === 'config') this.#configure(decodeConfiguration(entry.data));
    }`,
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 18,
    name: 'snapshot-of-another-configuration',
    why: 'a snapshot carries the members as the log’s last entries have them, committed or not, not as of its index',
    patches: [
      {
        file: 'raft/driver/snapshots.ts',
        find: 'const meta = this.#context.meta();',
        replace: `let meta = this.#context.meta();
    for (const entry of log.entries(log.firstIndex(), log.lastIndex() + 1, 2 ** 30) ?? []) {
      if (entry.kind === 'config') meta = { ...meta, configuration: JSON.parse(Buffer.from(entry.data).toString()) };
    }`,
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 18,
    name: 'snapshot-without-configuration',
    why: 'a member that gets a snapshot keeps the members that it knew before',
    patches: [
      {
        file: 'raft/consensus/node.ts',
        find: 'this.#configure(snapshot.configuration);',
        replace: '',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 22,
    name: 'learner-refuses-to-vote',
    why: 'a learner that has not heard of its promotion refuses the vote without which nobody can tell it',
    patches: [
      {
        file: 'raft/consensus/node.ts',
        find: 'const granted = mayGrant && this.#log.isUpToDate(',
        replace: 'const granted = mayGrant && isVoter(this.#configuration, this.#id) && this.#log.isUpToDate(',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 22,
    name: 'removed-leader-counts-itself',
    why: 'a leader that was removed goes on, and counts itself as one of those that have an entry',
    patches: [
      {
        file: 'raft/consensus/node.ts',
        find: 'if (this.#leading === undefined || isVoter(configuration, this.#id)) return;',
        replace: 'if (this.#id.length > 0) return;',
      },
      {
        file: 'raft/consensus/leader.ts',
        find: 'const index = quorumIndex(this.#configuration, (id) => this.#members.get(id)?.match ?? 0);',
        replace: `const { voters } = this.#configuration;
    const counted = { ...this.#configuration, voters: voters.includes(this.#id) ? voters : [this.#id, ...voters.slice(1)] };
    const index = quorumIndex(counted, (id) => (id === this.#id ? this.#log.durableIndex : this.#members.get(id)?.match ?? 0));`,
      },
      {
        file: 'raft/consensus/leader.ts',
        find: 'if (self === undefined) return;\n',
        replace: 'if (self === undefined) return this.#commit();\n',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 23,
    name: 'joint-needs-one-majority',
    why: 'while the configuration is joint, a majority of the new voters is enough to commit',
    patches: [
      {
        file: 'raft/consensus/quorum.ts',
        find: 'return outgoing === undefined ? incoming : Math.min(incoming, majorityIndex(outgoing, reached));',
        replace: 'return outgoing === undefined ? incoming : incoming;',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 23,
    name: 'half-is-a-majority',
    why: 'two of four count as a majority',
    patches: [
      {
        file: 'raft/consensus/quorum.ts',
        find: 'return sorted[count - (Math.floor(count / 2) + 1)]!;',
        replace: 'return sorted[Math.floor(count / 2)]!;',
      },
    ],
  },
];
