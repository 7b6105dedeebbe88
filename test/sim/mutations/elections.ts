import type { Mutation } from './mutation.ts';

/** Mistakes in elections and votes. */
export const ELECTIONS: readonly Mutation[] = [
  {
    world: 'coordinator',
    mistake: 4,
    name: 'longer-log-wins',
    why: 'a voter compares logs by their length only: entries of an old term outvote committed ones of a newer',
    patches: [
      {
        file: 'raft/consensus/raft-log.ts',
        find: 'return term > lastTerm || (term === lastTerm && index >= this.lastIndex);',
        replace: 'return index >= this.lastIndex || lastTerm < 0;',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 4,
    name: 'newer-term-wins',
    why: 'a voter compares logs by their last term only, and elects one that lacks committed entries of that term',
    patches: [
      {
        file: 'raft/consensus/raft-log.ts',
        find: 'return term > lastTerm || (term === lastTerm && index >= this.lastIndex);',
        replace: 'return term >= lastTerm || index < 0;',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 5,
    name: 'vote-before-durable',
    why: 'a vote is sent before it is durable: a crash forgets it, and the voter votes for another in the same term',
    patches: [
      {
        file: 'raft/consensus/node.ts',
        find: "this.#replies.push({ ...head, type: 'voteReply', term: this.#term });",
        replace: "this.#send({ ...head, type: 'voteReply', term: this.#term });",
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 5,
    name: 'candidate-before-durable',
    why: 'a candidate asks for votes before its own is durable: after a crash it votes for another in that term',
    patches: [
      {
        file: 'raft/consensus/node.ts',
        find: "const queue = type === 'vote' ? this.#replies : this.#messages;",
        replace: 'const queue = this.#messages;',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 21,
    name: 'stuck-at-a-higher-term',
    why: 'a member whose term is above its leader’s ignores that leader without telling it, for ever',
    patches: [
      {
        file: 'raft/consensus/node.ts',
        find: "this.#send({ ...head, type: 'appendReply', index: 0, rejectHint: 0, logTerm: 0 });",
        replace: '',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 21,
    name: 'removed-member-deposes',
    why: 'voters listen to any candidate of a higher term while they hear their leader: who was removed or cut off deposes it',
    patches: [
      {
        file: 'raft/consensus/node.ts',
        find: 'return this.#promised > 0 || (term > this.#term && this.#hearsLeader());',
        replace: 'return this.#promised > 0;',
      },
      {
        file: 'raft/consensus/node.ts',
        find: 'if (this.#options.preVote) this.#canvass();',
        replace: 'if (this.#promised < 0) this.#canvass();',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 25,
    name: 'stale-vote',
    why: 'a vote that was given in an earlier term is counted in this one',
    patches: [
      {
        file: 'raft/consensus/node.ts',
        find: 'if (message.term < this.#term) this.#answerOld(message);',
        replace: `if (message.type === 'voteReply' && message.term < this.#term) this.#receive(message);
        else if (message.term < this.#term) this.#answerOld(message);`,
      },
    ],
  },
];
