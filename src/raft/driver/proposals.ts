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
 * Proposals that wait for their entry to be applied. An entry belongs to a proposal only if index and term are both the same:
 * another term at its index means that it was replaced.
 */
export class Proposals {
  readonly #placed: Map<number, Placed> = new Map();

  /** How many wait. */
  get size(): number {
    return this.#placed.size;
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

  /** Fails all that wait. @param error default PROPOSAL_DROPPED */
  dropAll(error: unknown = dropped()): void {
    const all = [...this.#placed.values()];
    this.#placed.clear();
    for (const proposal of all) refuse(proposal, error);
  }
}

/** Tells a proposer that nothing will come of it. */
export function refuse(proposal: Proposal, error: unknown): void {
  proposal.span?.end(error);
  proposal.reject(error);
}

/** What a proposer is told when nobody can tell what became of its proposal. */
export function dropped(): TroupeError {
  return new TroupeError('PROPOSAL_DROPPED', 'the leadership was lost before the outcome was known');
}
