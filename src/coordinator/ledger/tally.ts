import type { Ballot, DecisionResult, DecisionRule } from '../commands.ts';

/** What a tally is taken over. */
export interface Poll {
  readonly rule: DecisionRule;
  /** How many may vote. */
  readonly electors: number;
  /** Ballots that don't abstain, below which nothing is decided. */
  readonly quorum: number;
  /** How many different choices there are; undefined when any text is one. */
  readonly options?: number | undefined;
}

/** The part of a result that ballots decide. */
export type Outcome = Pick<DecisionResult, 'outcome' | 'choice' | 'tally'>;

/**
 * What comes out when no more ballots come.
 *
 * @param ballots one per member
 */
export function closeTally(poll: Poll, ballots: readonly Ballot[]): Outcome {
  const { counts, counted, first, second } = count(ballots);
  const missing = poll.electors - ballots.length;
  const tally = Object.fromEntries(counts);
  if (counted < poll.quorum) return { outcome: 'no-quorum', tally };
  const wins = {
    majority: first.ballots * 2 > poll.electors,
    plurality: first.ballots > second,
    unanimous: missing === 0 && counted > 0 && first.ballots === counted,
  }[poll.rule];
  if (wins && first.choice !== undefined) return { outcome: 'decided', choice: first.choice, tally };
  return { outcome: missing === 0 || (counted > 0 && first.ballots === second) ? 'tie' : 'expired', tally };
}

/**
 * The result that is certain already, whatever the missing electors do: vote for anything, abstain or stay away. Undefined
 * while they can still change it.
 */
export function earlyTally(poll: Poll, ballots: readonly Ballot[]): Outcome | undefined {
  const missing = poll.electors - ballots.length;
  if (missing === 0) return closeTally(poll, ballots);
  const { counts, counted, first, second } = count(ballots);
  const tally = Object.fromEntries(counts);
  if (counted + missing < poll.quorum) return { outcome: 'no-quorum', tally };
  if (counted < poll.quorum) return undefined;
  const decided = {
    majority: first.ballots * 2 > poll.electors,
    // The runner-up may be a choice that nobody has named yet, unless there is only one.
    plurality: first.ballots > (poll.options === 1 ? 0 : second + missing),
    unanimous: false,
  }[poll.rule];
  if (decided && first.choice !== undefined) return { outcome: 'decided', choice: first.choice, tally };
  const hopeless = {
    majority: (first.ballots + missing) * 2 <= poll.electors,
    plurality: false,
    unanimous: second > 0,
  }[poll.rule];
  return hopeless ? { outcome: 'tie', tally } : undefined;
}

interface Counts {
  readonly counts: ReadonlyMap<string, number>;
  /** Ballots that don't abstain. */
  readonly counted: number;
  readonly first: { readonly choice: string | undefined; readonly ballots: number };
  /** Ballots of the runner-up. */
  readonly second: number;
}

function count(ballots: readonly Ballot[]): Counts {
  const counts = new Map<string, number>();
  let counted = 0;
  for (const { choice } of ballots) {
    if (choice === undefined) continue;
    counts.set(choice, (counts.get(choice) ?? 0) + 1);
    counted++;
  }
  let first: Counts['first'] = { choice: undefined, ballots: 0 };
  let second = 0;
  for (const [choice, number] of counts) {
    if (number > first.ballots) {
      second = first.ballots;
      first = { choice, ballots: number };
    } else if (number > second) second = number;
  }
  return { counts, counted, first, second };
}
