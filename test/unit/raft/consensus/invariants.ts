import { invariant, type NodeId } from '../../../../src/core/index.ts';
import type { Configuration, Entry, Message } from '../../../../src/raft/consensus/index.ts';
import type { Network, Peer } from './network.ts';

interface Seen {
  term: number;
  commit: number;
  role: string;
}

/** Watches a network from outside and throws as soon as one of Raft's promises is broken (Raft paper, figure 3). */
export class Invariants {
  readonly #network: Network;
  readonly #leaders: Map<number, NodeId> = new Map();
  readonly #votes: Map<string, NodeId> = new Map();
  /** What identifies an entry, (index, term), to its data and its predecessor's term. */
  readonly #entries: Map<string, { readonly data: Uint8Array; readonly previous: number | undefined }> = new Map();
  readonly #committed: Map<number, Entry> = new Map();
  readonly #seen: Map<NodeId, Seen> = new Map();
  readonly #reads: Map<string, number> = new Map();
  committed = 0;
  elections = 0;
  readsServed = 0;

  constructor(network: Network) {
    this.#network = network;
    network.afterEvent = (peer) => this.#event(peer);
    network.onPost = (message) => this.#posted(message);
    network.onWrite = (peer, entries) => {
      for (const entry of entries) this.#written(peer, entry);
    };
    network.onApply = (peer, entry) => {
      invariant(this.#committed.get(entry.index)?.term === entry.term, `${peer.id} applied ${entry.index} uncommitted`);
    };
  }

  /** A read is being asked for: it must see what is committed by now. */
  reading(peer: Peer, context: number): void {
    this.#reads.set(`${peer.id}/${context}`, this.committed);
  }

  /** A member starts again from its disk: what it said of its vote must be there. */
  restarted(peer: Peer): void {
    this.#seen.delete(peer.id);
    const hardState = peer.log.hardState ?? { term: 0, vote: undefined };
    for (const [key, to] of this.#votes) {
      const [id, term] = key.split('@');
      if (id !== peer.id) continue;
      invariant(Number(term) <= hardState.term, `${id} forgot that it voted in term ${term}`);
      if (Number(term) === hardState.term) invariant(hardState.vote === to, `${id} forgot its vote for ${to}`);
    }
  }

  #event(peer: Peer): void {
    const { role, term, commit } = peer.status;
    const before = this.#seen.get(peer.id) ?? { term: 0, commit: 0, role: 'follower' };
    invariant(term >= before.term, `${peer.id}: term went from ${before.term} to ${term}`);
    invariant(commit >= before.commit, `${peer.id}: commit went from ${before.commit} to ${commit}`);
    const known = this.#leaders.get(term);
    if (role === 'leader') {
      invariant(known === undefined || known === peer.id, `two leaders in term ${term}: ${known} and ${peer.id}`);
      if (known === undefined) this.#elected(peer, term);
    }
    // A leader that is removed by what it commits is a follower when the event ends.
    const led = role === 'leader' || (before.role === 'leader' && before.term === term);
    if (led && commit > before.commit) this.#commits(peer, term, commit);
    if (role !== before.role || term !== before.term || commit !== before.commit) {
      this.#seen.set(peer.id, { term, commit, role });
    }
    for (const { context, index } of peer.reads.splice(0)) {
      const floor = this.#reads.get(`${peer.id}/${context}`)!;
      invariant(index >= floor, `${peer.id}: read ${context} at ${index} misses what was committed at ${floor}`);
      this.readsServed++;
    }
  }

  /** Leader completeness. Log matching makes the last committed entry stand for those before it. */
  #elected(peer: Peer, term: number): void {
    this.#leaders.set(term, peer.id);
    this.#vote(peer.id, term, peer.id);
    this.elections++;
    const last = this.#committed.get(this.committed);
    if (last === undefined) return;
    let own = peer.log.term(last.index);
    for (const work of peer.appends) {
      for (const entry of work.entries) if (entry.index === last.index) own = entry.term;
    }
    const has = own === last.term || last.index < peer.log.firstIndex();
    invariant(has, `${peer.id} leads term ${term} without ${last.index}, committed in term ${last.term}`);
  }

  /** What a leader commits is of its own term, and durable on a quorum. */
  #commits(peer: Peer, term: number, commit: number): void {
    const holds = (id: NodeId): boolean => this.#network.at(id).log.term(commit) === term;
    invariant(
      majority(peer.status.configuration, holds),
      `${peer.id} committed ${commit} of term ${term} without a quorum`,
    );
    const holder = [...this.#network.peers.values()].find((each) => each.log.term(commit) === term)!;
    for (const entry of holder.log.all()) {
      if (entry.index > commit) break;
      const old = this.#committed.get(entry.index);
      invariant(old === undefined || old.term === entry.term, `committed entry ${entry.index} changed`);
      this.#committed.set(entry.index, entry);
    }
    this.committed = Math.max(this.committed, commit);
  }

  /** Log matching: index and term name one entry with one predecessor. A committed entry is never replaced. */
  #written(peer: Peer, entry: Entry): void {
    const key = `${entry.index}:${entry.term}`;
    const previous = peer.log.term(entry.index - 1);
    const known = this.#entries.get(key);
    if (known === undefined) this.#entries.set(key, { data: entry.data, previous });
    else invariant(known.data === entry.data && known.previous === previous, `logs differ at ${key}`);
    invariant(entry.term <= (peer.log.hardState?.term ?? 0), `${peer.id}: entry ${key} is durable before its term`);
  }

  #posted(message: Message): void {
    if (message.reject) return;
    const sender = this.#network.at(message.from);
    if (message.type === 'voteReply') this.#vote(message.from, message.term, message.to);
    if (message.type === 'appendReply') {
      invariant(sender.log.lastIndex() >= message.index!, `${message.from} acknowledged ${message.index} too early`);
    }
  }

  #vote(from: NodeId, term: number, to: NodeId): void {
    const before = this.#votes.get(`${from}@${term}`);
    invariant(before === undefined || before === to, `${from} voted for ${before} and ${to} in term ${term}`);
    const { hardState } = this.#network.at(from).log;
    const durable = hardState !== undefined && (hardState.term > term || hardState.vote === to);
    invariant(durable, `${from} answered ${to} in term ${term} before its vote was durable`);
    this.#votes.set(`${from}@${term}`, to);
  }
}

/** Whether more than half hold something, of both sets. Written apart from quorum.ts on purpose. */
function majority({ voters, votersOutgoing }: Configuration, holds: (id: NodeId) => boolean): boolean {
  const sets = votersOutgoing === undefined ? [voters] : [voters, votersOutgoing];
  return sets.every((set) => 2 * set.filter(holds).length > set.length);
}
