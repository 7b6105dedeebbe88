import { type AgentAddress, type Clock, TroupeError } from '../core/index.ts';
import { encodePayload } from '../wire/index.ts';
import { AGENDA_BYTES_MAX, type Agenda, PERIOD_MS_MAX, PERIOD_MS_MIN, type Plan, TIMERS_MAX } from './agenda.ts';
import { checkSize, type Draft, OUTBOX_BYTES_MAX, OUTBOX_MESSAGES_MAX, type Outbox } from './outbox.ts';

/** A timer that a turn sets, or cancels. */
export type PlanChange = { readonly set: Plan } | { readonly cancel: string };

/** Names of timers, UTF-16 code units. */
const NAME_CHARS_MAX = 256;

/** What a turn leaves beside its state and its reply: all of it is kept in the one append that ends the turn, or none. */
export interface TurnEffects {
  readonly messages: readonly Draft[];
  readonly plans: readonly PlanChange[];
  /** The agent is to be as if it had never been. */
  readonly forgets: boolean;
}

/** The messages and timers of a turn that runs. */
export class TurnDraft implements TurnEffects {
  readonly messages: Draft[] = [];
  readonly plans: PlanChange[] = [];
  forgets = false;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #outbox: Pick<Outbox, 'size' | 'bytes'>;
  readonly #agenda: Pick<Agenda, 'timers' | 'bytes'>;
  readonly #traceparent: string | undefined;
  /** Names of the timers that there will be. */
  #names: Set<string> | undefined;
  #messageBytes = 0;
  #planBytes = 0;

  constructor(
    clock: Pick<Clock, 'now'>,
    outbox: Pick<Outbox, 'size' | 'bytes'>,
    agenda: Pick<Agenda, 'timers' | 'bytes'>,
    traceparent: string | undefined,
  ) {
    this.#clock = clock;
    this.#outbox = outbox;
    this.#agenda = agenda;
    this.#traceparent = traceparent;
  }

  /** @throws TroupeError OVERLOADED when too much is under way, MESSAGE_TOO_LARGE */
  send(to: AgentAddress, method: string, input: unknown): void {
    const payload = encodePayload(input);
    checkSize(payload, `"${method}" for ${to.kind}/${to.key}`);
    const { size, bytes } = this.#outbox;
    if (size + this.messages.length >= OUTBOX_MESSAGES_MAX)
      throw new TroupeError('OVERLOADED', `${OUTBOX_MESSAGES_MAX} messages of this agent are under way`);
    this.#messageBytes += payload.byteLength;
    if (bytes + this.#messageBytes > OUTBOX_BYTES_MAX)
      throw new TroupeError('OVERLOADED', `messages of this agent with ${OUTBOX_BYTES_MAX} bytes are under way`);
    this.messages.push({ to, method, payload, traceparent: this.#traceparent });
  }

  /** @throws TroupeError OVERLOADED when there are too many, MESSAGE_TOO_LARGE, INVALID_ARGUMENT */
  after(name: string, delayMs: number, method: string, input: unknown): void {
    this.#set(name, between('delayMs', delayMs, 0), undefined, method, input);
  }

  /** @throws as `after` */
  every(name: string, everyMs: number, method: string, input: unknown): void {
    const period = between('everyMs', everyMs, PERIOD_MS_MIN);
    this.#set(name, period, period, method, input);
  }

  cancel(name: string): void {
    this.#timers.delete(name);
    this.plans.push({ cancel: name });
  }

  get #timers(): Set<string> {
    this.#names ??= new Set(this.#agenda.timers.keys());
    return this.#names;
  }

  #set(name: string, delayMs: number, everyMs: number | undefined, method: string, input: unknown): void {
    if (typeof name !== 'string' || name === '' || name.length > NAME_CHARS_MAX || name.startsWith('$'))
      throw new TroupeError(
        'INVALID_ARGUMENT',
        `a timer's name has 1 to ${NAME_CHARS_MAX} characters and no $ before them`,
      );
    const payload = encodePayload(input);
    checkSize(payload, `what timer "${name}" is to bring`);
    this.#timers.add(name);
    if (this.#timers.size > TIMERS_MAX) {
      this.#timers.delete(name);
      throw new TroupeError('OVERLOADED', `an agent has at most ${TIMERS_MAX} timers`);
    }
    this.#planBytes += payload.byteLength;
    if (this.#agenda.bytes + this.#planBytes > AGENDA_BYTES_MAX)
      throw new TroupeError('OVERLOADED', `an agent's timers bring at most ${AGENDA_BYTES_MAX} bytes`);
    const at = Math.ceil(this.#clock.now() + delayMs);
    const set = { at, method, payload, name, traceparent: this.#traceparent };
    this.plans.push({ set: everyMs === undefined ? set : { ...set, everyMs } });
  }
}

function between(what: string, ms: number, min: number): number {
  if (typeof ms === 'number' && ms >= min && ms <= PERIOD_MS_MAX) return Math.ceil(ms);
  throw new TroupeError('INVALID_ARGUMENT', `${what} must be ${min} to ${PERIOD_MS_MAX} ms`);
}
