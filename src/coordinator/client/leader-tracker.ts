import type { NodeId, TroupeError } from '../../core/index.ts';
import type { Leader } from '../frames.ts';

/** Where commands go next: the leader as last heard of, or else each voter in turn. No time, no I/O. */
export class LeaderTracker {
  #voters: readonly NodeId[];
  readonly #listeners: Set<(leader: Leader | undefined) => void> = new Set();
  #leader: Leader | undefined;
  /** The highest term in which somebody was said to lead: what is older is never news. */
  #term = 0;
  /** It failed us in this term: what others say of it isn't believed for a round of all voters, or until a later term. */
  #suspect: Leader | undefined;
  #doubts = 0;
  #next: number;

  /**
   * @param voters who may lead, at least one
   * @param first the voter to ask first while the leader isn't known
   */
  constructor(voters: readonly NodeId[], first: number) {
    this.#voters = voters;
    this.#next = first % voters.length;
  }

  /** Who may lead from now on, at least one. */
  set voters(voters: readonly NodeId[]) {
    this.#voters = voters;
    this.#next %= voters.length;
  }

  get leader(): Leader | undefined {
    return this.#leader;
  }

  onLeader(listener: (leader: Leader | undefined) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The voter to ask now. */
  get target(): NodeId {
    return this.#leader?.node ?? (this.#voters[this.#next] as NodeId);
  }

  /** Somebody says who leads: believed unless it is old, or failed us in that term. */
  heard(leader: Leader): void {
    if (leader.term < this.#term) return;
    if (leader.node === this.#suspect?.node && leader.term <= this.#suspect.term) return;
    this.#set(leader);
  }

  /** This voter has just served as the leader. */
  served(leader: Leader): void {
    this.#suspect = undefined;
    if (leader.term >= this.#term) this.#set(leader);
  }

  /**
   * A call failed. @returns whether it is now known whom to ask instead, so that there is no need to wait
   */
  failed(target: NodeId, error: TroupeError): boolean {
    const { leader, term } = error.data;
    const hinted = typeof leader === 'string' && typeof term === 'number' && leader !== target;
    if (hinted && error.code === 'NOT_LEADER') {
      if (this.#leader?.node === target && this.#leader.term <= term) this.#set(undefined);
      this.heard({ node: leader, term });
    }
    if (this.#leader !== undefined && this.#leader.node !== target) return true;
    // These say nothing against the voter that we asked.
    if (error.code === 'OVERLOADED' || error.code === 'PROPOSAL_DROPPED') return false;
    if (this.#leader !== undefined) {
      this.#suspect = this.#leader;
      this.#doubts = this.#voters.length;
    } else if (--this.#doubts <= 0) this.#suspect = undefined;
    this.#set(undefined);
    // Of several calls to one voter that fail, the first moves on.
    if (this.#voters[this.#next] === target) this.#next = (this.#next + 1) % this.#voters.length;
    return false;
  }

  #set(leader: Leader | undefined): void {
    const news = leader?.node !== this.#leader?.node || leader?.term !== this.#leader?.term;
    this.#leader = leader;
    if (leader !== undefined) this.#term = leader.term;
    if (news) for (const listener of this.#listeners) listener(leader);
  }
}
