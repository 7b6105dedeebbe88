import type { AgentAddress } from '../core/index.ts';
import { encodePayload } from '../wire/index.ts';
import { Agenda, type AgendaImage, type Entry, type Fired, FORGET_MS, type Plan } from './agenda.ts';
import type { TurnEffects } from './draft.ts';
import { FORGET_METHOD } from './mail.ts';
import { Inbox, Outbox, type OutboxImage, type Taken } from './outbox.ts';

/** Wake of an agent that has sent something: as long ago as can be, as it waits for nothing but its turn. */
const AT_ONCE = 1;

/** Lines of a journal about what its agent has sent, and is to do. */
export type PendingLine =
  /** Message `s` of life `l` went to agent `y` of kind `k`. */
  | {
      readonly t: 'out';
      readonly l: string;
      readonly s: number;
      readonly k: string;
      readonly y: string;
      readonly m: string;
      readonly p: Uint8Array;
      readonly c?: string;
    }
  /** Messages `s` have arrived, or were given up; entries `d` of the agenda were given up. */
  | { readonly t: 'sent'; readonly s: readonly number[]; readonly d?: readonly Fired[] }
  /** An entry of the agenda. */
  | { readonly t: 'plan'; readonly e: Plan }
  /** The timer of this name is cancelled. */
  | { readonly t: 'unplan'; readonly n: string };

/** What has come to its end. */
export interface Settled {
  /** Messages in the outbox that have arrived or were given up, and entries of the agenda that were given up. */
  readonly arrived: readonly number[];
  readonly given: readonly Fired[];
  /** All of it, as the courier knows it. */
  readonly parcels: readonly string[];
}

/** What the line of a turn says of its cause: number `x[1]` of sender `x[0]`, or an entry of the agenda. */
export interface Dealt {
  readonly x?: readonly [from: string, seq: number];
  readonly f?: Fired;
  /** The agent is to be as if it had never been. */
  readonly z?: true;
}

/** What caused a turn, when that was a durable message or an entry of the agenda: the turn's line says that it is dealt with. */
export interface Origin {
  readonly taken?: Taken;
  readonly entry?: Entry;
}

/** What an agent has sent, taken and is to do: the part of its journal that goes on without anybody asking. */
export class Pending {
  readonly outbox: Outbox = new Outbox();
  readonly inbox: Inbox = new Inbox();
  readonly agenda: Agenda = new Agenda();

  /** When its agent has something to do by itself, ms since 1970; 0 for never. */
  get wake(): number {
    if (this.outbox.size > 0) return AT_ONCE;
    const { nextAt } = this.agenda;
    return nextAt === Number.POSITIVE_INFINITY ? 0 : Math.max(AT_ONCE, nextAt);
  }

  fold(line: PendingLine): void {
    if (line.t === 'plan') this.agenda.add(line.e);
    else if (line.t === 'unplan') this.agenda.cancel(line.n);
    else if (line.t === 'sent') {
      for (const seq of line.s) this.outbox.remove(seq);
      for (const given of line.d ?? []) this.agenda.fire(given);
    } else {
      const to: AgentAddress = { kind: line.k, key: line.y };
      this.outbox.add(line.l, { seq: line.s, to, method: line.m, payload: line.p, traceparent: line.c });
    }
  }

  /**
   * A turn has ended. @returns whether what caused it is known by more than its request's id, so that no reply need be kept: of an
   * accepted message one is, for whoever sends it again
   */
  dealtWith({ x: taken, f: given, z: forgotten }: Dealt): boolean {
    if (taken !== undefined) this.inbox.take({ from: taken[0], seq: taken[1] });
    const timer = given !== undefined && this.agenda.get(given.n)?.request === undefined;
    if (given !== undefined) this.agenda.fire(given);
    if (forgotten) this.agenda.cancelAll();
    return taken !== undefined || timer;
  }

  /** Lines of what a turn leaves. @param freshId makes a name that no journal had */
  linesOf({ messages, plans }: TurnEffects, freshId: () => string): PendingLine[] {
    let { seq } = this.outbox;
    const life = this.outbox.life || freshId();
    return [
      ...messages.map(({ to, method, payload, traceparent }) => ({
        ...({ t: 'out', l: life, s: ++seq, k: to.kind, y: to.key, m: method, p: payload } as const),
        ...(traceparent !== undefined && { c: traceparent }),
      })),
      ...plans.map((change) =>
        'set' in change ? ({ t: 'plan', e: change.set } as const) : ({ t: 'unplan', n: change.cancel } as const),
      ),
    ];
  }

  /** The line that lets the journal of a forgotten agent go in time. */
  forgetLine(nowMs: number): PendingLine {
    const payload = encodePayload(undefined);
    const plan = { at: nowMs + FORGET_MS, method: FORGET_METHOD, name: FORGET_METHOD, payload, traceparent: undefined };
    return { t: 'plan', e: plan };
  }

  /** The line of what has ended. */
  endedLine({ arrived, given }: Settled): PendingLine {
    return { t: 'sent', s: arrived, ...(given.length > 0 && { d: given }) };
  }

  /** Undefined when there is nothing. */
  image(): PendingImage | undefined {
    const [outbox, inbox, agenda] = [this.outbox.image(), this.inbox.image(), this.agenda.image()];
    if (outbox === undefined && inbox === undefined && agenda === undefined) return undefined;
    return { ...(outbox && { outbox }), ...(inbox && { inbox }), ...(agenda && { agenda }) };
  }

  restore({ outbox, inbox, agenda }: PendingImage): void {
    if (outbox !== undefined) this.outbox.restore(outbox);
    if (inbox !== undefined) this.inbox.restore(inbox);
    if (agenda !== undefined) this.agenda.restore(agenda);
  }
}

/** All of that in a snapshot. */
export interface PendingImage {
  readonly outbox?: OutboxImage;
  readonly inbox?: readonly (readonly [string, number])[];
  readonly agenda?: AgendaImage;
}
