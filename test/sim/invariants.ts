import {
  type Configuration,
  decodeConfiguration,
  type Entry,
  type HardState,
  type LogReader,
  type Message,
  type Status,
} from '../../src/raft/index.ts';
import { Memberships } from './memberships.ts';

/** Something that must never happen has happened. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** What an entry was when it was first seen at an index and a term. */
interface Known {
  readonly previousTerm: number;
  readonly kind: Entry['kind'];
  readonly data: Uint8Array;
}

/** Writes that a log took and hasn't called durable. */
export interface Ticket {
  readonly hardState: HardState | undefined;
  readonly entries: readonly Entry[];
  /** Lowest index that it may replace. */
  readonly from: number;
}

/** An entry's place. */
interface Place {
  readonly index: number;
  readonly term: number;
}

/** What one member's log has called durable: the least that its disk must hold when it comes back. */
class Promises {
  term = 0;
  vote: string | undefined;
  /** Everything up to here came with a snapshot, or was cut off behind one. */
  base = 0;
  last = 0;
  readonly terms: Map<number, number> = new Map();
  readonly pending: Set<Ticket> = new Set();
  /** A leader's snapshot whose bytes are here, and which may be being installed. */
  staged: Place | undefined;

  restart(index: number, term: number): void {
    this.terms.clear();
    this.terms.set(index, term);
    this.base = index;
    this.last = index;
  }

  append(entries: readonly Entry[]): void {
    for (const { index, term } of entries) {
      for (; this.last >= index; this.last--) this.terms.delete(this.last);
      this.terms.set(index, term);
      this.last = index;
    }
  }

  holds(index: number, term: number): boolean {
    return index < this.base || this.terms.get(index) === term;
  }
}

/** What a member was seen to be after its last event. */
interface Seen {
  term: number;
  commit: number;
  applied: number;
  configuration: Configuration;
}

/** What a leader was last seen to take its members to have. */
interface Believed {
  readonly term: number;
  readonly matches: Map<string, number>;
}

/** A member as it is looked at. */
export interface Watched {
  readonly id: string;
  readonly status: Status;
  readonly log: LogReader;
  /** What it takes each member to have, if it leads. */
  readonly matches?: ReadonlyMap<string, number> | undefined;
}

/** Terms are below this: index and term make one number. */
const TERMS_MAX = 2 ** 20;

/**
 * What Raft promises, checked as things happen. Each check costs a constant time: what was found before is remembered, and only
 * the news is compared with it.
 */
export class Invariants {
  readonly #entries: Map<number, Known> = new Map();
  readonly #promises: Map<string, Promises> = new Map();
  readonly #seen: Map<string, Seen> = new Map();
  readonly #believed: Map<string, Believed> = new Map();
  readonly #leaders: Map<number, string> = new Map();
  readonly #votes: Map<string, string> = new Map();
  /** Where a candidate's log ends, by who and in which term. */
  readonly #candidates: Map<string, Place> = new Map();
  /** By index: the entry's term, and in whose term it was first known to be committed. */
  readonly #committed: { readonly term: number; readonly by: number }[] = [{ term: 0, by: 0 }];
  readonly #applied: { readonly term: number; readonly reply: unknown }[] = [];
  readonly #digests: Map<number, string> = new Map();
  readonly #memberships: Memberships;
  /** Changes of the members that were written for the first time during this event. */
  readonly #changes: Entry[] = [];
  #violation: Violation | undefined;

  /** @param founders the voters when the cluster begins */
  constructor(founders: readonly string[]) {
    this.#memberships = new Memberships(founders, (message) => this.#fail(message));
  }

  /** The first thing that was wrong: code under test may have caught the error that said so. */
  get violation(): Violation | undefined {
    return this.#violation;
  }

  /** Something is wrong. */
  report(error: unknown): void {
    this.#violation ??= error instanceof Violation ? error : new Violation(String(error));
  }

  /** Highest index that any member knows to be committed. */
  get commit(): number {
    return this.#committed.length - 1;
  }

  /** Highest term of a leader. */
  get terms(): number {
    return this.#leaders.size;
  }

  /** Whether this member's disk has something to lose. */
  hasPromised(id: string): boolean {
    const { term, last } = this.#of(id);
    return term > 0 || last > 0;
  }

  /** A member's log was told to write. @param previousTerm term of the entry before the first */
  writes(
    id: string,
    hardState: HardState | undefined,
    entries: readonly Entry[],
    previousTerm: number | undefined,
  ): Ticket {
    let previous = previousTerm;
    for (const entry of entries) {
      this.#matches(id, entry, previous);
      previous = entry.term;
    }
    const ticket = { hardState, entries, from: entries[0]?.index ?? Number.POSITIVE_INFINITY };
    this.#of(id).pending.add(ticket);
    return ticket;
  }

  /** A member's log has the bytes of a leader's snapshot. */
  staged(id: string, { index, term }: Place): void {
    this.#of(id).staged = { index, term };
  }

  /** A member's log is about to start again after a snapshot. */
  restarts(id: string, { index, term }: Place): Ticket {
    if (this.#committed[index]?.term !== term) {
      this.#fail(
        `${id} installs a snapshot of ${index} of term ${term}, where term ${this.#committed[index]?.term} is committed`,
      );
    }
    const ticket = { hardState: undefined, entries: [], from: 0 };
    this.#of(id).pending.add(ticket);
    return ticket;
  }

  /** What was told to be written is durable, says the log. */
  durable(id: string, ticket: Ticket, snapshot?: Place): void {
    const promises = this.#of(id);
    promises.pending.delete(ticket);
    if (snapshot !== undefined) promises.restart(snapshot.index, snapshot.term);
    if (ticket.hardState !== undefined) {
      promises.term = ticket.hardState.term;
      promises.vote = ticket.hardState.vote;
    }
    promises.append(ticket.entries);
  }

  /** A member has opened what its disk held: everything it ever called durable must be there, and nothing invented. */
  recovered(id: string, hardState: HardState | undefined, log: LogReader): void {
    const promises = this.#of(id);
    const { term = 0, vote } = hardState ?? {};
    if (term < promises.term) this.#fail(`${id} came back in term ${term}, but had made term ${promises.term} durable`);
    if (term === promises.term && promises.vote !== undefined && vote !== promises.vote) {
      this.#fail(`${id} came back without its vote for ${promises.vote} in term ${term}`);
    }
    const safe = this.#safe(id);
    if (log.lastIndex() < safe)
      this.#fail(`${id} came back with a log up to ${log.lastIndex()}, but ${safe} was durable`);
    const base = log.firstIndex() - 1;
    for (let index = Math.max(base, promises.base); index <= safe; index++) {
      const was = promises.terms.get(index);
      if (was !== undefined && log.term(index) !== was) {
        this.#fail(`${id} came back with term ${log.term(index)} at ${index}, where ${was} was durable`);
      }
    }
    promises.pending.clear();
    promises.staged = undefined;
    promises.restart(base, log.term(base) as number);
    promises.term = term;
    promises.vote = vote;
    for (let next = base + 1; next <= log.lastIndex(); ) {
      const entries = log.entries(next, log.lastIndex() + 1, 65_536) as readonly Entry[];
      for (const entry of entries) this.#matches(id, entry, log.term(entry.index - 1));
      promises.append(entries);
      next += entries.length;
    }
    this.#seen.delete(id);
  }

  /** A member sends: nobody votes twice in a term, not even before and after a crash, nor for one whose log is behind its own. */
  sends(id: string, message: Message): void {
    const { term } = message;
    const grants = message.type === 'voteReply' && !message.reject;
    if (!grants && message.type !== 'vote') return;
    const to = grants ? message.to : id;
    const key = `${id} ${term}`;
    const before = this.#votes.get(key) ?? to;
    if (before !== to) this.#fail(`${id} voted for ${before} and for ${to} in term ${term}`);
    this.#votes.set(key, to);
    const promises = this.#of(id);
    if (promises.term < term || (promises.term === term && promises.vote !== to))
      this.#fail(`${id} votes for ${to} in term ${term}, which its log never called durable`);
    if (!grants) this.#candidates.set(key, { index: message.index ?? 0, term: message.logTerm ?? 0 });
    // Once the term has a leader the voter may have more than when it gave its vote.
    else if (!this.#leaders.has(term)) this.#comparesLogs(id, to, term);
  }

  #comparesLogs(id: string, candidate: string, term: number): void {
    const theirs = this.#candidates.get(`${candidate} ${term}`);
    const { last, terms } = this.#of(id);
    const lastTerm = terms.get(last) ?? 0;
    if (theirs === undefined || theirs.term > lastTerm || (theirs.term === lastTerm && theirs.index >= last)) return;
    this.#fail(`${id} votes for ${candidate} in term ${term}, whose log is behind its own`);
  }

  /** A member was elected. @param life which life of it, as not even the same member may win a term twice */
  elected(watched: Watched, life: number): void {
    const { id, status, log } = watched;
    const name = `${id}, life ${life}`;
    const before = this.#leaders.get(status.term) ?? name;
    if (before !== name) this.#fail(`term ${status.term} has two leaders: ${before} and ${name}`);
    this.#leaders.set(status.term, name);
    const { voters, votersOutgoing = [] } = status.configuration;
    const chosen = (by: string): boolean => by === id || this.#votes.get(`${by} ${status.term}`) === id;
    if (![voters, votersOutgoing].every((set) => isMajority(set, chosen)))
      this.#fail(`${id} leads term ${status.term} without the votes of a quorum`);
    let index = this.commit;
    while ((this.#committed[index] as { by: number }).by >= status.term) index--;
    if (index < log.firstIndex() - 1) return;
    const { term } = this.#committed[index] as { term: number };
    if (log.term(index) !== term) {
      this.#fail(`${id} leads term ${status.term} without entry ${index} of term ${term}, which is committed`);
    }
  }

  /** Looks at a member after an event of it. */
  check(watched: Watched): void {
    const { id, status } = watched;
    const { term, commit, applied, configuration } = status;
    const seen = this.#seen.get(id);
    if (seen === undefined) {
      this.#commits(watched, 0, configuration);
      this.#seen.set(id, { term, commit, applied, configuration });
      return;
    }
    if (term < seen.term) this.#fail(`${id} went from term ${seen.term} back to ${term}`);
    if (commit < seen.commit) this.#fail(`${id} went from commit ${seen.commit} back to ${commit}`);
    if (applied < seen.applied) this.#fail(`${id} went from applied ${seen.applied} back to ${applied}`);
    if (applied > commit) this.#fail(`${id} applied ${applied} but ${commit} is committed`);
    // The log still holds what the snapshot is about to replace; it is looked at when that is done.
    const installs = this.#installs(watched);
    seen.term = term;
    seen.applied = applied;
    if (installs) return;
    if (configuration !== seen.configuration) {
      // The members of a snapshot hold before its state has been taken in.
      const { staged } = this.#of(id);
      const taken = staged !== undefined && staged.index > applied && staged.index <= commit;
      if (!taken || !this.#memberships.are(staged.index, configuration))
        this.#memberships.holds(id, applied, configuration);
    }
    if (commit > seen.commit) this.#commits(watched, seen.commit, seen.configuration);
    seen.commit = commit;
    seen.configuration = configuration;
    if (watched.matches !== undefined) this.#believes(watched, watched.matches);
    // A change may start only when its leader knows all that was committed before it.
    for (let change = this.#changes.pop(); change !== undefined; change = this.#changes.pop()) {
      if ((this.#committed[this.commit] as { term: number }).term >= change.term) continue;
      this.#fail(`${id} changes the members at ${change.index}, before anything of term ${change.term} is committed`);
    }
  }

  /** A member's state machine applied an entry. */
  applies(id: string, entry: Entry, reply: unknown): void {
    const { index, term } = entry;
    if (!this.#of(id).holds(index, term))
      this.#fail(`${id} applies ${index} of term ${term}, which its log never called durable`);
    if (entry.kind === 'config') this.#memberships.applied(id, index, decodeConfiguration(entry.data));
    const before = this.#applied[index];
    if (before === undefined) this.#applied[index] = { term, reply };
    else if (before.term !== term)
      this.#fail(`${id} applied ${index} of term ${term}, another applied term ${before.term}`);
    else if (!sameReply(before.reply, reply))
      this.#fail(`${id} answered entry ${index} otherwise than another member did`);
  }

  /** A member takes a snapshot of its state. */
  saves(id: string, index: number, configuration: Configuration): void {
    this.#memberships.holds(id, index, configuration);
  }

  /** A member's ledger has this digest after `index`. */
  digest(id: string, index: number, digest: string): void {
    const before = this.#digests.get(index) ?? digest;
    if (before !== digest) this.#fail(`the ledger of ${id} differs from another's at ${index}`);
    this.#digests.set(index, digest);
  }

  /** Log matching: the same index and term mean the same entry, after the same entry. */
  #matches(id: string, entry: Entry, previousTerm: number | undefined): void {
    const key = entry.index * TERMS_MAX + entry.term;
    const known = this.#entries.get(key);
    if (known === undefined) {
      this.#entries.set(key, { previousTerm: previousTerm ?? 0, kind: entry.kind, data: entry.data });
      if (entry.kind === 'config') this.#changes.push(entry);
      return;
    }
    if (known.kind !== entry.kind || Buffer.compare(known.data, entry.data) !== 0) {
      this.#fail(`${id} has another entry than others at index ${entry.index} of term ${entry.term}`);
    }
    if (previousTerm !== undefined && known.previousTerm !== previousTerm) {
      this.#fail(
        `${id} has entry ${entry.index} of term ${entry.term} after term ${previousTerm}, others after ${known.previousTerm}`,
      );
    }
  }

  /** A member says that entries after `from` are committed: never otherwise than before, and durable on a quorum when new. */
  #commits(watched: Watched, from: number, before: Configuration): void {
    const { id, status, log } = watched;
    const news = this.commit;
    for (let index = Math.max(from + 1, log.firstIndex()); index <= status.commit; index++) {
      const term = log.term(index);
      // A snapshot that is being installed takes the place of these.
      if (term === undefined) break;
      const known = this.#committed[index];
      if (known === undefined) {
        if (index > this.commit + 1)
          this.#fail(`${id} says that ${index} is committed, before anyone said so of ${index - 1}`);
        this.#committed.push({ term, by: status.term });
      } else if (known.term !== term) {
        this.#fail(`${id} says that ${index} of term ${term} is committed, where term ${known.term} had been`);
      }
    }
    if (status.commit > this.commit) this.#fail(`${id} says that ${status.commit} is committed, which it doesn't have`);
    if (status.commit <= news) return;
    const { term } = this.#committed[status.commit] as { term: number };
    if (term !== status.term) {
      this.#fail(
        `${id} committed ${status.commit} of term ${term} in term ${status.term}, and nothing of its own with it`,
      );
    }
    if (!this.#onQuorum(status.commit, term, status.configuration) && !this.#onQuorum(status.commit, term, before)) {
      this.#fail(`${id} says that ${status.commit} is committed, but no quorum has it durable`);
    }
  }

  /** A leader takes members to have what it has: what is new of that must be durable on them. */
  #believes({ id, status, log }: Watched, matches: ReadonlyMap<string, number>): void {
    let believed = this.#believed.get(id);
    if (believed?.term !== status.term) believed = { term: status.term, matches: new Map() };
    this.#believed.set(id, believed);
    const safe = this.#safe(id);
    for (const [member, match] of matches) {
      // What the leader itself is still writing can be compared when it is done.
      if (match <= (believed.matches.get(member) ?? 0) || match > safe) continue;
      believed.matches.set(member, match);
      const term = log.term(match);
      if (term !== undefined && !this.#of(member).holds(match, term))
        this.#fail(
          `${id}, which leads term ${status.term}, takes ${member} to have ${match} of term ${term}, which it has not`,
        );
    }
  }

  /** Index up to which a member's log stays as it is, whatever becomes of what is being written. */
  #safe(id: string): number {
    const { last, pending } = this.#of(id);
    let safe = last;
    for (const { from } of pending) safe = Math.min(safe, from - 1);
    return safe;
  }

  #installs({ id, status, log }: Watched): boolean {
    const { staged } = this.#of(id);
    if (staged === undefined || status.commit < staged.index || staged.index < log.firstIndex() - 1) return false;
    return log.term(staged.index) !== staged.term;
  }

  #onQuorum(index: number, term: number, { voters, votersOutgoing = [] }: Configuration): boolean {
    return [voters, votersOutgoing].every((set) => isMajority(set, (id) => this.#of(id).holds(index, term)));
  }

  #fail(message: string): never {
    const violation = new Violation(message);
    this.report(violation);
    throw violation;
  }

  #of(id: string): Promises {
    let promises = this.#promises.get(id);
    if (promises === undefined) {
      promises = new Promises();
      this.#promises.set(id, promises);
    }
    return promises;
  }
}

/** Whether most of a set do; the empty set stands for no condition. */
function isMajority(set: readonly string[], does: (id: string) => boolean): boolean {
  return set.length === 0 || 2 * set.filter(does).length > set.length;
}

function sameReply(a: unknown, b: unknown): boolean {
  return a instanceof Uint8Array && b instanceof Uint8Array && Buffer.compare(a, b) === 0;
}
