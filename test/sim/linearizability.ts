import { EMPTY, type Input, type Output, type State, stateKey, step } from './linearizability-register.ts';

export type { Input, Output } from './linearizability-register.ts';

/** One call of one client. Times are of any kind that orders them, best a counter: those that are equal overlap. */
export interface Operation {
  readonly client: number;
  readonly key: string;
  readonly call: number;
  /** Infinity when the outcome is unknown: it may take effect at any time after the call, or never. */
  readonly return: number;
  readonly input: Input;
  /** What came back; present exactly when `return` is finite. */
  readonly output?: Output;
}

/** Why no order of a key's operations explains what its clients saw. */
export interface Violation {
  readonly ok: false;
  readonly key: string;
  /** The longest order that was found, */
  readonly order: readonly Operation[];
  /** the state that it leads to, */
  readonly state: State;
  /** the operation that has to come next by its return, and can't, */
  readonly stuck: Operation;
  /** those that saw a lower version, and so would have to come before it, */
  readonly lower: readonly Operation[];
  /** and others that overlap with it and might have come before it, but didn't help. */
  readonly overlapping: readonly Operation[];
}

/** `unknown`: the search was given up at its limit. */
export type Verdict = { readonly ok: true } | Violation | { readonly ok: 'unknown'; readonly key: string };

export interface CheckLimits {
  /** Orders begun for one key before the search is given up, default 300,000. */
  readonly stepsMax?: number;
}

/**
 * Whether a history can be explained by operations that took effect one at a time, each between its call and its return: the
 * search of Wing and Gong with Lowe's cache of what was tried, for each key by itself (a history is linearizable exactly
 * when its keys are).
 */
export function checkLinearizable(history: readonly Operation[], limits: CheckLimits = {}): Verdict {
  let unknown: Verdict | undefined;
  for (const [key, operations] of Map.groupBy(history, (operation) => operation.key)) {
    const verdict = new Search(key, operations).run(limits.stepsMax ?? 300_000);
    if (verdict.ok === false) return verdict;
    if (verdict.ok === 'unknown') unknown = verdict;
  }
  return unknown ?? { ok: true };
}

/** An operation as the search takes it: what is known of it may be more than its client was told. */
interface Candidate {
  readonly operation: Operation;
  readonly input: Input;
  readonly call: number;
  readonly return: number;
  readonly output: Output | undefined;
  /** Version that the answer told; undefined when it told none, or that there was nothing. */
  readonly told: number | undefined;
  /** Lost writes that differ only by their call can stand for each other, and are taken in the order of their calls. */
  readonly twin: string;
}

/**
 * Reads tell what became of lost writes: who saw the value of a write that was the only one of this value, saw that write, so
 * it took effect before the read returned. Values that nobody ever saw are all the same.
 */
function candidates(operations: readonly Operation[]): Candidate[] {
  const writers = new Map<string, number>();
  const readers = new Map<string, Operation[]>();
  for (const operation of operations) {
    const { input, output } = operation;
    if (input.kind === 'put') writers.set(input.value, (writers.get(input.value) ?? 0) + 1);
    if (output?.kind === 'read' && output.value !== undefined) {
      readers.set(output.value, [...(readers.get(output.value) ?? []), operation]);
    }
  }
  return operations.map((operation): Candidate => {
    const { input, call, output } = operation;
    const seen = input.kind === 'put' ? readers.get(input.value) : undefined;
    const twin = JSON.stringify({ ...input, ...(input.kind === 'put' && !seen ? { value: null } : {}) });
    if (output === undefined && input.kind === 'put' && seen && writers.get(input.value) === 1) {
      const first = seen.reduce((a, b) => (a.return <= b.return ? a : b));
      const told = first.output?.version;
      const written: Output = { kind: 'written', ...(told === undefined ? {} : { version: told }) };
      return { operation, input, call, return: first.return, output: written, told, twin };
    }
    const absent = output?.kind === 'read' && output.value === undefined;
    return {
      operation,
      input,
      call,
      return: operation.return,
      output,
      told: absent ? undefined : output?.version || undefined,
      twin,
    };
  });
}

/** An operation that was put into the order, and what it takes to take it out again. */
interface Step {
  readonly choice: number;
  readonly before: State;
  readonly frontier: number;
  readonly lost: bigint;
}

/**
 * Depth first: always the earliest operation that may come next. Operations are numbered by their call; those that returned
 * come first, then those that didn't, so that a lost write is put in only where nothing else goes on.
 */
class Search {
  readonly #key: string;
  readonly #operations: readonly Candidate[];
  /** How many of them returned. */
  readonly #answered: number;
  /** Numbers of the unanswered that expect a version. */
  readonly #lostExpecting: readonly number[];
  /** Numbers of the answered, by their return; and each one's place there. */
  readonly #byReturn: readonly number[];
  readonly #place: Int32Array;
  /** For each unanswered one, the twin that was called just before it. */
  readonly #twin: readonly (number | undefined)[];
  /** How many answers in the order told a version; and for each operation that did, how many told a lower one. */
  #told = 0;
  readonly #toldLower: readonly (number | undefined)[];
  /** The answered that aren't in the order yet, linked by their call; the last element is both ends. */
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** Place of the first by return that isn't in the order, and places after it that are. */
  #frontier = 0;
  readonly #ahead = new Set<number>();
  /** Unanswered operations in the order, a bit each. */
  #lost = 0n;
  #state: State = EMPTY;
  readonly #order: Step[] = [];
  /** Where the search has been: for each state and set of answered operations, the least sets of unanswered ones. */
  readonly #seen = new Map<string, bigint[]>();

  constructor(key: string, operations: readonly Operation[]) {
    this.#key = key;
    const byCall = candidates(operations).sort((a, b) => a.call - b.call);
    const answered = byCall.filter((each) => each.output !== undefined);
    const lost = byCall.filter((each) => each.output === undefined && each.input.kind !== 'get');
    this.#operations = [...answered, ...lost];
    this.#answered = answered.length;
    this.#lostExpecting = lost.flatMap(({ input }, i) =>
      input.kind !== 'get' && input.expect !== undefined ? [answered.length + i] : [],
    );
    this.#byReturn = answered.map((_, i) => i).sort((a, b) => answered[a]!.return - answered[b]!.return);
    const versions = answered.flatMap(({ told }) => told ?? []).sort((a, b) => a - b);
    this.#toldLower = answered.map(({ told }) => told && versions.indexOf(told));
    this.#twin = this.#operations.map(({ twin }, i) => {
      for (let before = i - 1; before >= this.#answered; before--) {
        if (this.#operations[before]!.twin === twin) return before;
      }
      return undefined;
    });
    this.#place = new Int32Array(this.#answered);
    for (const [place, number] of this.#byReturn.entries()) this.#place[number] = place;
    const ring = this.#answered + 1;
    this.#next = Int32Array.from({ length: ring }, (_, i) => (i + 1) % ring);
    this.#previous = Int32Array.from({ length: ring }, (_, i) => (i + ring - 1) % ring);
  }

  run(stepsMax: number): Verdict {
    let deepest: { readonly order: readonly Step[]; readonly state: State; readonly frontier: number } | undefined;
    let last: number | undefined;
    for (let steps = 0; this.#frontier < this.#answered; ) {
      const candidate = this.#after(last);
      if (candidate === undefined) {
        if (deepest === undefined || this.#frontier > deepest.frontier) {
          deepest = { order: [...this.#order], state: this.#state, frontier: this.#frontier };
        }
        if (this.#order.length === 0) return this.#violation(deepest.order, deepest.state, deepest.frontier);
        last = this.#takeBack();
        continue;
      }
      last = candidate;
      const { input, output } = this.#operations[candidate]!;
      const state = this.#tooEarly(candidate) ? undefined : step(this.#state, input, output);
      if (state === undefined || (output === undefined && !this.#observable(candidate, state))) continue;
      if (++steps > stepsMax) return { ok: 'unknown', key: this.#key };
      this.#put(candidate, state);
      if (this.#isNew()) last = undefined;
      else this.#takeBack();
    }
    return { ok: true };
  }

  /** The next operation after `choice` (or the first) that may come now: its call isn't after the first return to come. */
  #after(choice: number | undefined): number | undefined {
    if (choice === undefined || choice < this.#answered) {
      const next = this.#answeredAfter(choice ?? this.#answered);
      if (next !== undefined) return next;
    }
    for (let next = Math.max(choice ?? 0, this.#answered - 1) + 1; next < this.#operations.length; next++) {
      if (this.#mayLose(next)) return next;
    }
    return undefined;
  }

  #answeredAfter(choice: number): number | undefined {
    const next = this.#next[choice]!;
    return next < this.#answered && this.#operations[next]!.call <= this.#until ? next : undefined;
  }

  #mayLose(number: number): boolean {
    const twin = this.#twin[number];
    const inTurn = twin === undefined || this.#isLost(twin);
    return inTurn && !this.#isLost(number) && this.#operations[number]!.call <= this.#until;
  }

  #isLost(number: number): boolean {
    return (this.#lost & this.#bit(number)) !== 0n;
  }

  /** The first return to come: what is called later comes later. */
  get #until(): number {
    return this.#operations[this.#byReturn[this.#frontier]!]!.return;
  }

  /** Versions only grow: whoever saw a lower one must come first, or won't come at all. */
  #tooEarly(number: number): boolean {
    return this.#told < (this.#toldLower[number] ?? 0);
  }

  /**
   * Whether an operation that may come next could tell the state that a lost write leaves. If none can, the order without
   * the lost write explains as much; and whoever could tell later can have it then.
   */
  #observable(lost: number, state: State): boolean {
    const tells = (number: number): boolean => {
      const { input, output } = this.#operations[number]!;
      return (input.kind === 'get' || input.expect !== undefined) && step(state, input, output) !== undefined;
    };
    for (let next = this.#answeredAfter(this.#answered); next !== undefined; next = this.#answeredAfter(next)) {
      if (tells(next)) return true;
    }
    return this.#lostExpecting.some((next) => next !== lost && this.#mayLose(next) && tells(next));
  }

  #bit(number: number): bigint {
    return 1n << BigInt(number - this.#answered);
  }

  #put(choice: number, state: State): void {
    this.#order.push({ choice, before: this.#state, frontier: this.#frontier, lost: this.#lost });
    this.#state = state;
    if (choice >= this.#answered) {
      this.#lost |= this.#bit(choice);
      return;
    }
    this.#next[this.#previous[choice]!] = this.#next[choice]!;
    this.#previous[this.#next[choice]!] = this.#previous[choice]!;
    if (this.#toldLower[choice] !== undefined) this.#told++;
    this.#ahead.add(this.#place[choice]!);
    while (this.#ahead.delete(this.#frontier)) this.#frontier++;
  }

  #takeBack(): number {
    const { choice, before, frontier, lost } = this.#order.pop()!;
    this.#state = before;
    this.#lost = lost;
    if (choice < this.#answered) {
      while (this.#frontier > frontier) this.#ahead.add(--this.#frontier);
      this.#ahead.delete(this.#place[choice]!);
      if (this.#toldLower[choice] !== undefined) this.#told--;
      this.#next[this.#previous[choice]!] = choice;
      this.#previous[this.#next[choice]!] = choice;
    }
    return choice;
  }

  /**
   * Whether the search hasn't been here before. Where it has been with fewer of the unanswered, it needn't look again: whoever
   * could go on from here could have gone on from there, and left the others out.
   */
  #isNew(): boolean {
    const ahead = [...this.#ahead].sort((a, b) => a - b);
    const key = `${this.#frontier}/${ahead.join()}/${stateKey(this.#state)}`;
    const before = this.#seen.get(key) ?? [];
    const lost = this.#lost;
    if (before.some((each) => (each & lost) === each)) return false;
    this.#seen.set(key, [...before.filter((each) => (each & lost) !== lost), lost]);
    return true;
  }

  #violation(order: readonly Step[], state: State, frontier: number): Violation {
    const taken = new Set(order.map(({ choice }) => choice));
    const number = this.#byReturn[frontier]!;
    const stuck = this.#operations[number]!;
    const left = this.#operations.filter((_, i) => i !== number && !taken.has(i));
    const isLower = ({ told }: Candidate): boolean => (told ?? Number.POSITIVE_INFINITY) < (stuck.told ?? 0);
    const overlapping = left.filter((each) => !isLower(each) && each.call <= stuck.return);
    return {
      ok: false,
      key: this.#key,
      order: order.map(({ choice }) => this.#operations[choice]!.operation),
      state,
      stuck: stuck.operation,
      lower: left.filter(isLower).map(({ operation }) => operation),
      overlapping: overlapping.map(({ operation }) => operation),
    };
  }
}

/** How many operations of the longest order are printed. */
const PRINTED_MAX = 12;

/** A violation in words, for a failing test's message. */
export function describeViolation({ key, order, state, stuck, lower, overlapping }: Violation): string {
  const version = state.known ? `${state.version}` : `${state.version} or later`;
  const list = (title: string, operations: readonly Operation[]): string[] =>
    operations.length === 0
      ? []
      : [title, ...operations.slice(0, PRINTED_MAX).map((each) => `  ${describeOperation(each)}`)];
  return [
    `key ${key} is not linearizable`,
    ...list(`the longest order that explains it (${order.length}) ends with`, order.slice(-PRINTED_MAX)),
    `and leaves ${state.value === undefined ? 'nothing' : `${state.value} at version ${version}`}`,
    ...list('now must come, and can not', [stuck]),
    ...list('because these saw a lower version', lower),
    ...list('and these, which overlap it, do not help', overlapping),
  ].join('\n');
}

function describeOperation({ client, call, return: until, input, output }: Operation): string {
  const { kind, ...asked } = input;
  const end = until === Number.POSITIVE_INFINITY ? '...' : `${until}`;
  const { kind: answer = 'unknown', ...told } = output ?? {};
  return `[${call}, ${end}] client ${client}: ${kind} ${JSON.stringify(asked)} -> ${answer} ${JSON.stringify(told)}`;
}
