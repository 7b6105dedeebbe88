import { TroupeError, type WireError } from '../core/index.ts';
import type { Amount } from '../model/index.ts';
import type { TurnEffects } from './draft.ts';
import type { HoldMark, StepReceipt } from './folded.ts';
import type { Ruling } from './held.ts';
import type { HistoryChange, HistoryItems, HistoryRange } from './history.ts';
import type { Origin, Pending, Settled } from './pending.ts';

/** What a turn leaves beside its state and its reply, and why there was one. */
export interface TurnRest {
  /** What caused it, when that was a durable message or an entry of the agenda. */
  readonly origin: Origin | undefined;
  readonly effects: TurnEffects | undefined;
  readonly history: HistoryChange | undefined;
  /** What has ended meanwhile. */
  readonly ended: Settled | undefined;
  /** ms since 1970. */
  readonly nowMs: number;
  /** Makes a name that nothing had before. */
  readonly freshId: () => string;
}

import type { Kept } from './large-values.ts';

/** What an activation knows of its agent, and where it puts what a turn did. */
export interface AgentMemory {
  /** W3C traceparent of the turn that writes; undefined when that isn't sampled. */
  traceparent: string | undefined;
  /** What all of this takes, as encoded; 0 where nothing is encoded. */
  readonly bytes: number;
  /** The last state that was kept, or undefined when there never was one. */
  readonly state: Kept | undefined;
  /** The reply already given to a request, if it is still remembered, and what its turn had spent. */
  reply(request: string): { readonly value: unknown; readonly spent: Amount | undefined } | undefined;
  /** What an earlier run of this request's turn recorded of a step. */
  step(request: string, name: string): StepReceipt | undefined;
  /** All of them; the settled ones last, in the order in which they settled. */
  steps(request: string): ReadonlyMap<string, StepReceipt> | undefined;
  /** Whether the turn of this request is held, and how many turns are. */
  held(request: string): HoldMark | undefined;
  readonly heldTurns: number;
  /** Records that a step begins; kept when it resolves. */
  stepStarted(request: string, name: string, key: string): Promise<void>;
  /** Records a step's result; kept when it resolves. */
  stepDone(request: string, name: string, value: unknown): Promise<void>;
  /** Records a step's result together with what comes next. @returns a promise when that has to be waited for */
  stepDoneSoon(request: string, name: string, value: unknown): Promise<void> | undefined;
  /** Resolves when all that was recorded is kept; undefined when it is. */
  settled(): Promise<void> | undefined;
  /** Records that a step's function threw; kept when it resolves. */
  stepFailed(request: string, name: string, error: WireError): Promise<void>;
  /** Records that a turn is held at a step, how that was settled, and that the turn failed after that; kept when they resolve. */
  stepHeld(request: string, name: string, hold: number): Promise<void>;
  stepRuled(request: string, name: string, ruling: Ruling): Promise<void>;
  turnOver(request: string): Promise<void>;
  /** Records the end of a turn; kept when it resolves. `state` only when it changed. */
  turnDone(
    request: string,
    reply: unknown,
    state: { readonly state: unknown } | undefined,
    spent: Amount | undefined,
    more?: TurnRest,
  ): Promise<void> | undefined;
  /** What the agent has sent, taken and is to do; undefined where nothing outlives the activation. */
  readonly pending: Pending | undefined;
  /** Which items its history has, and a page of them; undefined where nothing outlives the activation. */
  readonly historyRange: HistoryRange | undefined;
  historyPage(from: number, limit: number): Promise<HistoryItems>;
}

/** Memory of an agent whose kind has `durability: 'none'`: its state, for as long as the activation lasts. */
export class VolatileMemory implements AgentMemory {
  traceparent: string | undefined;
  state: { readonly value: unknown } | undefined;

  get pending(): undefined {
    return undefined;
  }

  get historyRange(): undefined {
    return undefined;
  }

  historyPage(): never {
    return this.step('', 'history');
  }

  get heldTurns(): 0 {
    return 0;
  }

  get bytes(): 0 {
    return 0;
  }

  reply(): undefined {
    return undefined;
  }

  steps(): undefined {
    return undefined;
  }

  held(): undefined {
    return undefined;
  }

  /** @throws TroupeError INVALID_ARGUMENT: a receipt that doesn't outlive a crash would promise what it can't keep */
  step(_request: string, name: string): never {
    const message = `step "${name}" would have no receipt: its agent's kind has durability "none"`;
    throw new TroupeError('INVALID_ARGUMENT', message);
  }

  stepStarted(_request: string, name: string): never {
    return this.step('', name);
  }

  stepDone(_request: string, name: string): never {
    return this.step('', name);
  }

  stepDoneSoon(_request: string, name: string): never {
    return this.step('', name);
  }

  settled(): undefined {
    return undefined;
  }

  stepFailed(_request: string, name: string): never {
    return this.step('', name);
  }

  stepHeld(_request: string, name: string): never {
    return this.step('', name);
  }

  stepRuled(_request: string, name: string): never {
    return this.step('', name);
  }

  turnOver(): never {
    return this.step('', '');
  }

  turnDone(_request: string, _reply: unknown, state: { readonly state: unknown } | undefined): undefined {
    if (state !== undefined) this.state = { value: state.state };
  }
}
