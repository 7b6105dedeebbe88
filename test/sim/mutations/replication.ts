import type { Mutation } from './mutation.ts';

/** Mistakes in how entries are replicated and committed. */
export const REPLICATION: readonly Mutation[] = [
  {
    world: 'coordinator',
    mistake: 1,
    name: 'commit-by-count',
    why: 'a leader commits an entry of an earlier term because a quorum has it (figure 8): a later leader may replace it',
    patches: [
      {
        file: 'raft/consensus/leader.ts',
        find: 'if (index <= this.#log.commit || this.#log.term(index) !== this.#term) return;',
        replace: 'if (index <= this.#log.commit) return;',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 2,
    name: 'heartbeat-commit',
    why: "a heartbeat carries the leader's whole commit index, and the follower believes it for entries of its own",
    patches: [
      {
        file: 'raft/consensus/leader.ts',
        find: 'const commit = Math.min(member.match, this.#log.commit);\n      member.told(commit);',
        replace: 'const commit = this.#log.commit;\n      member.told(commit);',
      },
      {
        file: 'raft/consensus/node.ts',
        find: 'this.#log.commitTo(message.commit ?? 0);',
        replace: 'this.#log.commitTo(Math.min(message.commit ?? 0, this.#log.lastIndex));',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 3,
    name: 'short-append-truncates',
    why: 'an append that came late cuts off what followed it, though that was acknowledged',
    patches: [
      {
        file: 'raft/consensus/raft-log.ts',
        find: 'if (this.term(entry.index) === entry.term) continue;',
        replace: 'if (entry.index <= this.#commit) continue;',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 7,
    name: 'leader-counts-itself-early',
    why: 'a leader counts its own entries before they are durable on its disk',
    patches: [
      {
        file: 'raft/consensus/leader.ts',
        find: 'self.matched(this.#log.durableIndex);',
        replace: 'self.matched(this.#log.lastIndex);',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 7,
    name: 'single-voter-before-sync',
    why: 'a voter that is alone applies and acknowledges what its own disk may still lose',
    patches: [
      {
        file: 'raft/consensus/leader.ts',
        find: `    this.#due = true;
    return { term, firstIndex, lastIndex: this.#log.lastIndex };`,
        replace: `    this.#due = true;
    if (this.#members.size === 1) {
      this.#members.get(this.#id)?.matched(this.#log.lastIndex);
      this.#commit();
    }
    return { term, firstIndex, lastIndex: this.#log.lastIndex };`,
      },
      {
        file: 'raft/consensus/raft-log.ts',
        find: 'return this.#applying === this.#applied && Math.min(this.#commit, this.durableIndex) > this.#applying;',
        replace: 'return this.#applying === this.#applied && this.#commit > this.#applying;',
      },
      {
        file: 'raft/consensus/raft-log.ts',
        find: 'const entries = this.slice(this.#applying + 1, Math.min(this.#commit, this.durableIndex) + 1, bytesMax);',
        replace: 'const entries = this.slice(this.#applying + 1, this.#commit + 1, bytesMax);',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 8,
    name: 'late-completion',
    why: 'an append that was replaced while it was written marks, when it is done, the entries that took its place as durable',
    patches: [
      {
        file: 'raft/consensus/unstable.ts',
        find: 'for (const work of this.#outstanding) work.index = Math.min(work.index, first - 1);',
        replace: '',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 25,
    name: 'stale-acknowledgement',
    why: 'an acknowledgement of an earlier term is believed, though the entries it speaks of may have been replaced since',
    patches: [
      {
        file: 'raft/consensus/node.ts',
        find: 'if (message.term < this.#term) this.#answerOld(message);',
        replace: `if (message.type === 'appendReply' && message.term < this.#term) this.#receive(message);
        else if (message.term < this.#term) this.#answerOld(message);`,
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 25,
    name: 'next-below-match',
    why: 'a refusal that comes late takes the leader back behind what the member is known to have',
    patches: [
      {
        file: 'raft/consensus/progress.ts',
        find: 'this.#next = Math.max(Math.min(rejected, hint + 1), this.#match + 1);',
        replace: 'this.#next = Math.max(Math.min(rejected, hint + 1), 1);',
      },
      {
        file: 'raft/consensus/progress.ts',
        find: 'if (rejected <= this.#match) return false;',
        replace:
          'if (rejected <= this.#match) { this.#enter("probe", Math.max(Math.min(rejected, hint + 1), 1)); return true; }',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 24,
    name: 'replies-not-in-snapshot',
    why: 'a snapshot leaves out what the sessions answered, so a retry after it is applied a second time',
    patches: [
      {
        file: 'coordinator/ledger/ledger.ts',
        find: "  { table: 'replies', order: 'session, seq' },\n",
        replace: '',
      },
    ],
  },
  {
    world: 'coordinator',
    mistake: 24,
    name: 'retry-applied-again',
    why: 'a command that comes again, through another leader perhaps, is applied again',
    patches: [
      {
        file: 'coordinator/ledger/sessions.ts',
        find: 'return open.replies.get(seq) ?? this.#reply.get(open.session, seq)?.[0];',
        replace: 'return undefined;',
      },
      {
        file: 'coordinator/ledger/sessions.ts',
        find: "'insert into replies values (?, ?, ?)'",
        replace: "'insert or replace into replies values (?, ?, ?)'",
      },
    ],
  },
];
