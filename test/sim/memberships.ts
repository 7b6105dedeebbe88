import type { Configuration } from '../../src/raft/index.ts';

interface Known {
  readonly index: number;
  readonly configuration: Configuration;
}

/** The members as committed entries made them, one configuration after the other: each must follow from the one before it. */
export class Memberships {
  readonly #known: Known[];
  readonly #fail: (message: string) => never;

  constructor(founders: readonly string[], fail: (message: string) => never) {
    this.#known = [{ index: 0, configuration: { voters: founders } }];
    this.#fail = fail;
  }

  /** A member applied the entry at `index`, which is a configuration. */
  applied(id: string, index: number, configuration: Configuration): void {
    const last = this.#known.at(-1) as Known;
    if (index <= last.index) return;
    if (!follows(last.configuration, configuration)) {
      this.#fail(`${id} applies the members ${show(configuration)} at ${index}, after ${show(last.configuration)}`);
    }
    this.#known.push({ index, configuration });
  }

  /** A member says that this configuration holds as of `index`. */
  holds(id: string, index: number, configuration: Configuration): void {
    if (this.are(index, configuration)) return;
    const committed = show(this.#asOf(index));
    this.#fail(`${id} has the members ${show(configuration)} as of ${index}, where ${committed} are committed`);
  }

  /** Whether these are the members as of `index`. */
  are(index: number, configuration: Configuration): boolean {
    return show(this.#asOf(index)) === show(configuration);
  }

  #asOf(index: number): Configuration {
    let at = this.#known.length - 1;
    while ((this.#known[at] as Known).index > index) at--;
    return (this.#known[at] as Known).configuration;
  }
}

/** Whether old and new majorities overlap: at most one voter changes, or a joint configuration is entered or left. */
function follows(before: Configuration, after: Configuration): boolean {
  if (before.votersOutgoing !== undefined)
    return after.votersOutgoing === undefined && same(before.voters, after.voters);
  if (after.votersOutgoing !== undefined) return same(before.voters, after.votersOutgoing);
  const left = before.voters.filter((id) => !after.voters.includes(id)).length;
  const came = after.voters.filter((id) => !before.voters.includes(id)).length;
  return left + came <= 1;
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id) => b.includes(id));
}

function show({ voters, votersOutgoing, learners }: Configuration): string {
  const sets = [voters, votersOutgoing ?? [], learners ?? []].map((set) => [...set].sort().join(' '));
  return `[${sets.join('; ')}]`;
}
