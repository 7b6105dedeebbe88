import { type Span, TroupeError } from '../../core/index.ts';
import type { Proposed } from '../consensus/index.ts';
import type { Committed } from './port.ts';

/** One proposal on its way. */
export interface Proposal {
  readonly data: Uint8Array;
  readonly span: Span | undefined;
  readonly resolve: (committed: Committed) => void;
  readonly reject: (error: unknown) => void;
}

interface Placed extends Proposal {
  readonly term: number;
}

/**
 * Proposals from the call to their outcome: those of one turn are put to consensus together, then each waits for its entry to be
 * applied. An entry belongs to a proposal only if index and term are both the same: another term at its index means that it
 * was replaced.
 */
export class Proposals {
  #fresh: Proposal[] = [];
  readonly #placed: Map<number, Placed> = new Map();

  /** How many wait. */
  get size(): number {
    return this.#fresh.length + this.#placed.size;
  }

  /** Whether some are in the log and their outcome isn't known. */
  get placed(): boolean {
    return this.#placed.size > 0;
  }

  /** Takes one in. @returns whether it is the first since the last `flush` */
  add(proposal: Proposal): boolean {
    return this.#fresh.push(proposal) === 1;
  }

  /** Puts those that came since the last time to consensus. @param propose when it throws, all of them are refused */
  flush(propose: (data: readonly Uint8Array[]) => Proposed): void {
    if (this.#fresh.length === 0) return;
    const fresh = this.#fresh;
    this.#fresh = [];
    try {
      this.place(fresh, propose(fresh.map((each) => each.data)));
    } catch (error) {
      for (const proposal of fresh) refuse(proposal, error);
    }
  }

  /** Notes where consensus put them. */
  place(proposals: readonly Proposal[], where: Proposed): void {
    for (let i = 0; i < proposals.length; i++) {
      const { data, span, resolve, reject } = proposals[i] as Proposal;
      this.#placed.set(where.firstIndex + i, { data, span, resolve, reject, term: where.term });
    }
  }

  /** An entry was applied. */
  settle(index: number, term: number, reply: unknown): void {
    const proposal = this.#placed.get(index);
    if (proposal === undefined) return;
    this.#placed.delete(index);
    if (proposal.term === term) {
      proposal.span?.set({ 'troupe.raft.index': index, 'troupe.raft.term': term });
      proposal.span?.end();
      proposal.resolve({ index, term, reply });
    } else {
      refuse(proposal, dropped());
    }
  }

  /** Entries up to `index` came with a snapshot: whether they were these proposals can't be told any more. */
  dropThrough(index: number): void {
    for (const [at, proposal] of this.#placed) {
      if (at > index) continue;
      this.#placed.delete(at);
      refuse(proposal, dropped());
    }
  }

  /** Fails those that are in the log: nobody can tell any more what becomes of them. */
  dropPlaced(): void {
    this.#refuse([...this.#placed.values()], dropped());
    this.#placed.clear();
  }

  /** Fails all that wait. */
  dropAll(error: unknown): void {
    const all = [...this.#fresh, ...this.#placed.values()];
    this.#fresh = [];
    this.#placed.clear();
    this.#refuse(all, error);
  }

  #refuse(proposals: readonly Proposal[], error: unknown): void {
    for (const proposal of proposals) refuse(proposal, error);
  }
}

function refuse(proposal: Proposal, error: unknown): void {
  proposal.span?.end(error);
  proposal.reject(error);
}

/** What a proposer is told when nobody can tell what became of its proposal. */
export function dropped(): TroupeError {
  return new TroupeError('PROPOSAL_DROPPED', 'the leadership was lost before the outcome was known');
}
