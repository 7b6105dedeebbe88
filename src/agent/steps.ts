import { agentAddressKey, asTroupeError, fromWireError, TroupeError, toWireError, traced } from '../core/index.ts';
import type { Reconcile, StepFinding, StepFunction, StepOptions } from './context.ts';
import type { StepReceipt } from './folded.ts';
import { HELD_PER_AGENT_MAX, heldError } from './held.ts';
import type { JournalFailure } from './journal.ts';
import { OneByOne } from './one-by-one.ts';
import { findOut, leavesUnknown } from './outcome.ts';
import { Replay } from './replay.ts';
import type { TurnParts } from './turn-parts.ts';
import type { TurnSignal } from './turn-signal.ts';

/** A step that is to run. */
interface Step<T> {
  /** No other step of the turn has it. */
  readonly name: string;
  readonly key: string;
  readonly receipt: StepReceipt | undefined;
  readonly options: StepOptions<T>;
  readonly fn: StepFunction<T>;
}

/** The steps of one turn: what of them is in the journal, what is under way, and what keeps further ones from beginning. */
export class TurnSteps {
  readonly #parts: Omit<TurnParts<unknown>, 'state' | 'actor'>;
  readonly #stop: TurnSignal;
  /** The record of earlier runs, if there is any. */
  readonly #replay: Replay | undefined;
  readonly #results: OneByOne;
  /** Why no further step may begin, and the turn isn't done. */
  #halt: TroupeError | undefined;
  #over = false;
  /** Steps under way, and who waits for them to end. */
  #running = 0;
  /** Steps that don't begin while the shard is about to move. */
  #waiting = 0;
  #idle: (() => void) | undefined;

  constructor(parts: Omit<TurnParts<unknown>, 'state' | 'actor'>, stop: TurnSignal) {
    this.#parts = parts;
    this.#stop = stop;
    const { memory, requestId, house } = parts;
    const recorded = memory.steps(requestId);
    this.#replay = recorded?.size ? new Replay(house.clock, recorded, stop.remainingMs()) : undefined;
    this.#results = new OneByOne(house.clock);
  }

  /** What stopped the turn, whatever its handler made of it. */
  get halted(): TroupeError | undefined {
    return this.#halt;
  }

  /** A turn that runs again may have to wait for this before it comes to its next recorded step. */
  beside<T>(work: Promise<T>): Promise<T> {
    const replay = this.#replay;
    return replay === undefined || replay.over ? work : replay.beside(work);
  }

  /** @param unique the name that no other step of the turn has */
  async run<T>(name: string, unique: string, options: StepOptions<T>, fn: StepFunction<T> | undefined): Promise<T> {
    if (typeof fn !== 'function' || (options.onUnknown === 'reconcile' && typeof options.reconcile !== 'function')) {
      throw new TroupeError('INVALID_ARGUMENT', `step "${unique}" needs a function, and another one to reconcile by`);
    }
    const { memory, house, traceparent, requestId, address } = this.#parts;
    const replay = this.#replay;
    const receipt = memory.step(requestId, unique);
    const { done, failed } = receipt ?? {};
    const kept = done !== undefined || (failed !== undefined && (failed.final || options.onFailed === 'keep'));
    if (replay !== undefined && !replay.over) await replay.reach(unique, kept);
    const attributes = {
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': name,
      'troupe.step': unique,
    } as const;
    if (kept) {
      const recorded = { parent: traceparent, attributes: { ...attributes, 'troupe.step.replayed': true } };
      return traced(house.tracer, 'execute_tool', recorded, async () => {
        if (done !== undefined) return done.value as T;
        throw fromWireError((failed as NonNullable<typeof failed>).error);
      });
    }
    const held = house.gate.enter();
    if (held !== undefined) await this.#stand(held);
    this.#mayBegin(unique);
    const key = receipt?.key ?? options.idempotencyKey ?? `${agentAddressKey(address)}/${requestId}/${unique}`;
    const step: Step<T> = { name: unique, key, receipt, options, fn };
    this.#running++;
    this.#parts.delivery.resident.sinceMs = Math.trunc(house.clock.monotonic());
    try {
      return await traced(house.tracer, 'execute_tool', { parent: traceparent, attributes }, (span) =>
        this.#perform(step, span.traceparent ?? traceparent),
      );
    } finally {
      if (--this.#running === 0) this.#idle?.();
      this.#rest();
    }
  }

  /** While the shard is about to move no step begins: the turn goes on here when that is put off, else elsewhere, behind its finished steps. */
  async #stand(held: Promise<void>): Promise<void> {
    const { gate } = this.#parts.house;
    for (let until: Promise<void> | undefined = held; until !== undefined; until = gate.enter()) {
      this.#waiting++;
      this.#rest();
      await until;
      this.#waiting--;
    }
  }

  /** What the handler does beside its steps isn't waited for: a turn may be cut off between steps. */
  #rest(): void {
    if (this.#waiting > 0 && this.#running === 0) this.#parts.house.gate.rests(this.#parts.delivery);
  }

  /** A turn that must stop, stops here: between two effects. */
  #mayBegin(step: string): void {
    const { reason } = this.#stop;
    const address = (): string => `${agentAddressKey(this.#parts.address)} ${step}`;
    if (reason !== undefined) throw asTroupeError(reason, 'CANCELLED', { address: address() });
    if (this.#parts.delivery.resident.stopping) {
      this.#halt ??= new TroupeError('CANCELLED', 'the agent is being moved', { address: address() });
    }
    if (this.#halt !== undefined) throw this.#halt;
    if (this.#over) throw new TroupeError('CANCELLED', 'the turn is over', { address: address() });
  }

  async #perform<T>(step: Step<T>, traceparent: string | undefined): Promise<T> {
    const { name, key, receipt, options, fn } = step;
    const { memory, requestId } = this.#parts;
    const stop = this.#stop;
    const unknown = receipt !== undefined && receipt.failed === undefined && receipt.again === undefined;
    // Whether nothing that went before can have had the effect, so that a failure of this run is certain.
    let clean = !unknown;
    if (unknown && options.onUnknown === 'reconcile') {
      const finding = await this.#reconcile(name, key, options.reconcile, traceparent);
      if ('done' in finding) {
        await this.#done(step, finding.done);
        return finding.done;
      }
      clean = 'notDone' in finding;
      this.#mayBegin(name);
    }
    if (!clean && options.onUnknown !== undefined && options.onUnknown !== 'retry') await this.#hold(name, key);
    if (!unknown) await memory.stepStarted(requestId, name, key);
    let value: T;
    try {
      value = await fn({
        idempotencyKey: key,
        retried: receipt !== undefined && receipt.failed === undefined,
        get signal() {
          return stop.signal;
        },
        traceparent,
      });
    } catch (error) {
      if (!clean || stop.reason !== undefined || leavesUnknown(error)) throw error;
      const failure = toWireError(error);
      await this.#next(memory.stepFailed(requestId, name, failure));
      // What another run will be told, this one is told too.
      throw options.onFailed === 'keep' ? fromWireError(failure) : error;
    }
    await this.#done(step, value);
    return value;
  }

  /**
   * Records a result, and waits until it may reach the handler. It needn't be durable before it is used here when another run can do it again under the
   * same key, or ask what it did: what leaves the turn waits for it. Only a person isn't asked about what the handler has gone on from.
   */
  #done<T>({ name, options }: Step<T>, value: T): Promise<void> | undefined {
    const { memory, requestId } = this.#parts;
    const soon = options.onUnknown !== 'hold';
    return this.#next(soon ? memory.stepDoneSoon(requestId, name, value) : memory.stepDone(requestId, name, value));
  }

  #next(kept: Promise<void> | undefined): Promise<void> | undefined {
    return this.#results.next(kept, this.#running === 1);
  }

  #reconcile<T>(
    step: string,
    idempotencyKey: string,
    reconcile: Reconcile<T>,
    traceparent: string | undefined,
  ): Promise<StepFinding<T>> {
    const { house, address } = this.#parts;
    const { signal } = this.#stop;
    const agent = agentAddressKey(address);
    return findOut(
      house.clock,
      reconcile,
      { idempotencyKey, signal, traceparent },
      () => this.#mayBegin(step),
      (attempt, why) => house.logger.warn('step not reconciled', { agent, step, attempt, why }),
    );
  }

  /** Holds the turn: whatever its handler makes of that, no further step begins and it isn't done. One hold is enough for a turn. */
  async #hold(step: string, idempotencyKey: string): Promise<never> {
    const { memory, house, message, address, requestId: request } = this.#parts;
    const mark = memory.held(request);
    const room = mark !== undefined || memory.heldTurns < HELD_PER_AGENT_MAX;
    this.#halt = heldError(address, step, undefined);
    if (!room) throw this.#halt;
    try {
      const after = mark?.ruled ? mark.hold : undefined;
      const held = await house.held.place(address.key, { request, step, idempotencyKey, message, after });
      await memory.stepHeld(request, held.step, held.hold);
      this.#halt = heldError(address, held.step, held.hold);
    } catch (error) {
      this.#halt = error as JournalFailure;
    }
    throw this.#halt;
  }

  /** The handler has settled: no step begins any more. @returns when those that run have ended, if any do */
  end(): Promise<void> | undefined {
    this.#over = true;
    if (this.#running === 0) return undefined;
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }

  /** @throws TroupeError STEP_MISMATCH when the handler ended well without asking for all that is recorded */
  complete(): void {
    const mismatch = this.#replay?.end();
    if (mismatch !== undefined) throw mismatch;
  }
}
