import type { ClusterMap } from '../../cluster/index.ts';
import type { Members, WatchDelivery } from '../../coordinator/index.ts';
import { errorMessage, type Logger, type NodeId } from '../../core/index.ts';

/** What a node tells of the voters it knows: who they are as of `index`, and where they listen. */
export interface Known {
  readonly index: number;
  readonly voters: readonly { readonly node: NodeId; readonly control: string }[];
}

/** What knowing the voters takes. */
export interface KnownVotersParts {
  readonly self: NodeId;
  /** All nodes of the configuration, and those of them that vote until something else is heard. */
  readonly configured: { readonly nodes: readonly NodeId[]; readonly voters: readonly NodeId[] };
  readonly map: ClusterMap;
  /** Asks a node what it knows. */
  readonly ask: (node: NodeId) => Promise<Known>;
  readonly changed: (voters: readonly NodeId[]) => void;
  readonly logger: Logger;
}

/**
 * Who keeps the log, as this node knows: the configuration's voters at first, the ledger's as soon as it tells. When none of those
 * can be reached, because all were replaced while this node was away, any node that is found may know better.
 */
export class KnownVoters {
  readonly #parts: KnownVotersParts;
  #index = 0;
  #voters: readonly NodeId[];
  /** As the ledger said last. */
  #members: Members | undefined;
  /** Where voters listen that were heard of from others. */
  readonly #heard: Map<NodeId, string> = new Map();
  #asking = false;

  constructor(parts: KnownVotersParts) {
    this.#parts = parts;
    this.#voters = parts.configured.voters;
  }

  get voters(): readonly NodeId[] {
    return this.#voters;
  }

  /** Voters and learners. */
  get everyone(): readonly NodeId[] {
    return [...this.#voters, ...(this.#members?.learners ?? []).map(({ node }) => node)];
  }

  /** The members by name, when the ledger has told them, as of `index`. */
  get members(): Members | undefined {
    return this.#members;
  }

  get index(): number {
    return this.#index;
  }

  /** Takes the next delivery of the ledger's watch. @returns whether it tells the members */
  accept(delivery: WatchDelivery): boolean {
    const members =
      delivery.type === 'view'
        ? delivery.view.members
        : delivery.events.findLast((event) => event.type === 'members')?.members;
    if (members === undefined) return false;
    this.told(members, delivery.type === 'view' ? delivery.view.index : delivery.index);
    return true;
  }

  /** Somebody who knows says who the members are. */
  readonly told = (members: Members, index: number): void => {
    if (index < this.#index) return;
    this.#members = members;
    this.#set(
      index,
      members.voters.map(({ node }) => node),
    );
  };

  /** Where a node listens, when the configuration doesn't say. */
  addressOf(node: NodeId): string | undefined {
    return this.#parts.map.node(node)?.addresses.control || this.#heard.get(node);
  }

  /** What others may be told. */
  known(): Known {
    const voters = this.#voters.map((node) => ({ node, control: this.addressOf(node) ?? '' }));
    return { index: this.#index, voters };
  }

  /** No voter answers: asks every node there is, and believes the one that knows the latest. */
  async search(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    const { self, configured, map, ask, logger } = this.#parts;
    const nodes = new Set([...configured.nodes, ...map.nodes().map(({ node }) => node), ...this.#heard.keys()]);
    nodes.delete(self);
    await Promise.all(
      [...nodes].map(async (node) => {
        try {
          this.#learn(await ask(node));
        } catch (error) {
          logger.debug('a node does not know the voters', { node, error: errorMessage(error) });
        }
      }),
    );
    this.#asking = false;
  }

  #learn({ index, voters }: Known): void {
    if (index <= this.#index || voters.length === 0) return;
    for (const { node, control } of voters) if (control !== '') this.#heard.set(node, control);
    const nodes = voters.map(({ node }) => node);
    this.#parts.logger.info('the voters have changed meanwhile', { voters: nodes });
    this.#set(index, nodes);
  }

  #set(index: number, voters: readonly NodeId[]): void {
    this.#index = index;
    if (voters.join() === this.#voters.join()) return;
    this.#voters = voters;
    this.#parts.changed(voters);
  }
}
