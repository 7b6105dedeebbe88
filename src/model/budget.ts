import { TroupeError } from '../core/index.ts';
import type { Amount } from './usage.ts';

/** Most that may be spent; what is left out isn't limited. */
export type BudgetLimit = Partial<Amount>;

/** Part of a budget that is held for one call until its cost is known. */
export interface Reservation {
  /** Ends it: what was spent is booked, the rest is free again. It counts once; more calls change nothing. */
  settle(spent: Amount): void;
}

/** All that was left of a budget, handed to someone who spends it elsewhere. */
export interface Loan {
  /** What they may spend; what isn't limited is left out. */
  readonly limit: BudgetLimit;
  /** Ends it: what they spent is booked, the rest is back. Undefined when nobody knows: then all of it counts as spent. */
  settle(spent: Amount | undefined): void;
}

/** Nothing spent. */
export const NOTHING: Amount = { tokens: 0, costMicroUsd: 0 };

/**
 * Tokens and money that may be spent, once. Children draw from their parent within a limit of their own; the limits of
 * all children together may be over the parent's, and then who comes first is served.
 * A call reserves the most it may use before it starts, so calls under way can't overspend together. One that turns out to use
 * more than it reserved is booked in full.
 */
export class Budget {
  readonly #limit: BudgetLimit;
  readonly #parent: Budget | undefined;
  #spent: Amount = NOTHING;
  #reserved: Amount = NOTHING;

  constructor(limit: BudgetLimit, parent?: Budget) {
    for (const [name, value] of Object.entries(limit)) {
      if (!(value >= 0))
        throw new TroupeError('INVALID_ARGUMENT', `a budget's ${name} must be 0 or more, not ${value}`);
    }
    this.#limit = limit;
    this.#parent = parent;
  }

  /** A budget that draws from this one. */
  child(limit: BudgetLimit): Budget {
    return new Budget(limit, this);
  }

  /** What calls that have ended cost, children's included. */
  get spent(): Amount {
    return this.#spent;
  }

  /** What calls under way hold, children's included. */
  get reserved(): Amount {
    return this.#reserved;
  }

  /** What may still be reserved, here and above; Infinity where nothing limits it. */
  get remaining(): Amount {
    const above = this.#parent?.remaining;
    const left = (of: keyof Amount): number =>
      Math.max(
        0,
        Math.min(
          (this.#limit[of] ?? Number.POSITIVE_INFINITY) - this.#spent[of] - this.#reserved[of],
          above?.[of] ?? Number.POSITIVE_INFINITY,
        ),
      );
    return { tokens: left('tokens'), costMicroUsd: left('costMicroUsd') };
  }

  /** Whether money is limited, here or above. */
  get limitsCost(): boolean {
    return this.#limit.costMicroUsd !== undefined || (this.#parent?.limitsCost ?? false);
  }

  /**
   * Holds `amount` here and in every budget above, or nowhere.
   *
   * @throws TroupeError BUDGET_EXCEEDED, with what remains in its data
   */
  reserve(amount: Amount): Reservation {
    const left = this.remaining;
    if (amount.tokens > left.tokens || amount.costMicroUsd > left.costMicroUsd) {
      // What isn't limited is left out: Infinity doesn't survive the wire.
      const data = Object.fromEntries(Object.entries(left).filter(([, value]) => Number.isFinite(value)));
      const message = `the call may take ${JSON.stringify(amount)}, and ${JSON.stringify(data)} is left`;
      throw new TroupeError('BUDGET_EXCEEDED', message, { data });
    }
    this.#add(amount, NOTHING, 1);
    let open = true;
    return {
      settle: (spent) => {
        if (!open) return;
        open = false;
        this.#add(amount, spent, -1);
      },
    };
  }

  /** Takes all that is left, to give it to someone else; until it is settled nothing is left here. */
  lend(): Loan {
    const limit = this.part(1);
    const held = { ...NOTHING, ...limit };
    const { settle } = this.reserve(held);
    return { limit, settle: (spent = held) => settle(spent) };
  }

  /** What each may spend when what is left is divided equally; what isn't limited is left out. */
  part(shares: number): BudgetLimit {
    const { tokens, costMicroUsd } = this.remaining;
    return {
      ...(Number.isFinite(tokens) ? { tokens: tokens / shares } : {}),
      ...(Number.isFinite(costMicroUsd) ? { costMicroUsd: costMicroUsd / shares } : {}),
    };
  }

  /** What is gone, as far as anyone knows: spent, or held by calls that nobody waits for any more. */
  get used(): Amount {
    return sum(this.#spent, this.#reserved, 1);
  }

  #add(held: Amount, spent: Amount, sign: 1 | -1): void {
    for (let budget: Budget | undefined = this; budget !== undefined; budget = budget.#parent) {
      budget.#reserved = sum(budget.#reserved, held, sign);
      budget.#spent = sum(budget.#spent, spent, 1);
    }
  }
}

function sum(a: Amount, b: Amount, sign: 1 | -1): Amount {
  return { tokens: a.tokens + sign * b.tokens, costMicroUsd: a.costMicroUsd + sign * b.costMicroUsd };
}
