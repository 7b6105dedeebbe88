/** What a suite measures, and how it is shown: a table for people, one line of JSON for machines. */

/** One figure. */
export interface FigureSpec {
  readonly name: string;
  readonly unit: string;
  /** What it means, a few words for the table. */
  readonly title: string;
  readonly goal?: Goal | readonly Goal[];
}

/** What we aim at: a bound of our own value, or of its ratio to a peer's or to another figure of ours. */
export interface Goal {
  readonly peer?: string;
  readonly figure?: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** The last line with `--json`. */
export interface ReportJson {
  readonly suite: string;
  readonly figures: Readonly<Record<string, { readonly value: number; readonly unit: string }>>;
  /** Ours over theirs, keyed `name/peer`, or over another of ours, `name/figure`; `against` is what it is divided by. */
  readonly ratios: Readonly<Record<string, { readonly value: number; readonly against: number }>>;
}

/** Name of our own column. */
export const OURS = 'troupe';

/** Collects what rounds measured, and gives the median of each figure. */
export class Report {
  readonly #suite: string;
  readonly #specs: readonly FigureSpec[];
  /** Figure, then column, then one value a round. */
  readonly #values: Map<string, Map<string, number[]>> = new Map();
  readonly #notes: string[] = [];

  constructor(suite: string, specs: readonly FigureSpec[]) {
    this.#suite = suite;
    this.#specs = specs;
  }

  /**
   * Adds what one round measured.
   * @param column `OURS`, or a peer
   * @throws Error when the suite did not declare the figure
   */
  add(name: string, column: string, value: number): void {
    if (!this.#specs.some((spec) => spec.name === name)) throw new Error(`figure ${name} is not declared`);
    const columns = this.#values.get(name) ?? new Map<string, number[]>();
    this.#values.set(name, columns);
    columns.set(column, [...(columns.get(column) ?? []), value]);
  }

  /** Adds a line below the table, once. */
  note(text: string): void {
    if (!this.#notes.includes(text)) this.#notes.push(text);
  }

  /** The median of a figure's rounds, undefined when it was not measured. */
  value(name: string, column: string = OURS): number | undefined {
    const values = this.#values.get(name)?.get(column);
    return values === undefined ? undefined : median(values);
  }

  get json(): ReportJson {
    const figures: Record<string, { value: number; unit: string }> = {};
    const ratios: Record<string, { value: number; against: number }> = {};
    for (const { name, unit, goal } of this.#specs) {
      const ours = this.value(name);
      if (ours === undefined) continue;
      figures[name] = { value: rounded(ours), unit };
      const others = goalsOf(goal).flatMap(({ figure }) => (figure === undefined ? [] : [figure]));
      const pairs = [
        ...this.#peers.map((peer) => [peer, this.value(name, peer)] as const),
        ...others.map((figure) => [figure, this.value(figure)] as const),
      ];
      for (const [other, against] of pairs) {
        if (against) ratios[`${name}/${other}`] = { value: rounded(ours / against), against: rounded(against) };
      }
    }
    return { suite: this.#suite, figures, ratios };
  }

  /** The table: medians, the range of the rounds when there are several, ratios, goals. */
  get table(): string {
    const peers = this.#peers;
    const rows = [['figure', 'unit', OURS, ...peers.flatMap((peer) => [peer, `${OURS}/${peer}`]), 'goal', 'what']];
    for (const spec of this.#specs) {
      if (!this.#values.has(spec.name)) continue;
      const cells = peers.flatMap((peer) => [this.#cell(spec.name, peer), this.#ratio(spec.name, peer)]);
      rows.push([spec.name, spec.unit, this.#cell(spec.name, OURS), ...cells, this.#goal(spec), spec.title]);
    }
    const widths = rows[0]?.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0))) ?? [];
    const lines = rows.map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    );
    return [...lines, ...this.#notes.map((note) => `note: ${note}`)].join('\n');
  }

  get #peers(): string[] {
    const columns = [...this.#values.values()].flatMap((column) => [...column.keys()]);
    return [...new Set(columns)].filter((column) => column !== OURS).sort();
  }

  #cell(name: string, column: string): string {
    const values = this.#values.get(name)?.get(column);
    if (values === undefined) return '-';
    const middle = short(median(values));
    return values.length === 1 ? middle : `${middle} (${short(Math.min(...values))}-${short(Math.max(...values))})`;
  }

  #ratio(name: string, peer: string): string {
    const [ours, theirs] = [this.value(name), this.value(name, peer)];
    return ours === undefined || !theirs ? '-' : (ours / theirs).toFixed(2);
  }

  #goal({ name, goal }: FigureSpec): string {
    const texts = goalsOf(goal).map(({ peer, figure, atLeast, atMost }) => {
      const ours = this.value(name);
      const theirs = peer !== undefined ? this.value(name, peer) : figure !== undefined ? this.value(figure) : 1;
      const other = peer ?? figure;
      const text = `${other === undefined ? '' : `/${other} `}${atLeast === undefined ? `<= ${atMost}` : `>= ${atLeast}`}`;
      if (ours === undefined || theirs === undefined) return text;
      const reached = ours / theirs;
      const met = reached >= (atLeast ?? -Infinity) && reached <= (atMost ?? Infinity) ? 'met' : 'missed';
      return `${text} ${met}${figure === undefined ? '' : ` (${reached.toFixed(2)})`}`;
    });
    return texts.join(', ');
  }
}

function goalsOf(goal: FigureSpec['goal'] = []): readonly Goal[] {
  return 'length' in goal ? goal : [goal];
}

/** The middle value; the mean of the two middle ones when their number is even. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(at)] ?? Number.NaN) + (sorted[Math.ceil(at)] ?? Number.NaN)) / 2;
}

/** The value that a part of all lies at or below, by nearest rank. @param part 0 to 1 */
export function percentile(values: Iterable<number>, part: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

function short(value: number): string {
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString('en-GB');
  return String(rounded(value));
}
