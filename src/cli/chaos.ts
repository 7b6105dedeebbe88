import type { NodeRecord } from '../api/index.ts';
import { usageError } from './errors.ts';

/** A fault that a run may be given, and the share of the work at which it strikes. */
const STRIKES_AT = { preempt: 0.3, 'kill-leader': 0.6 } as const;

/** Name of a fault. */
export type Fault = keyof typeof STRIKES_AT;

const FAULTS = Object.keys(STRIKES_AT) as Fault[];

/**
 * Reads `--chaos preempt,kill-leader`; `none` takes back what stood before it on the line.
 *
 * @throws TroupeError for a name that isn't known, or one that is there twice
 */
export function parseChaos(text: string): Fault[] {
  if (text === 'none') return [];
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !FAULTS.includes(name as Fault));
  if (unknown !== undefined)
    throw usageError(`--chaos: "${unknown}" is not known; choose from ${FAULTS.join(', ')}, none`);
  if (new Set(names).size < names.length) throw usageError('--chaos: name each fault once');
  return names as Fault[];
}

/** Says when faults strike: each once, at its share of the work. */
export class ChaosPlan {
  readonly #waiting: Set<Fault>;

  constructor(faults: readonly Fault[]) {
    this.#waiting = new Set(faults);
  }

  /** The faults that are due now and weren't before, in the order of their shares. */
  due(done: number, total: number): Fault[] {
    if (this.#waiting.size === 0 || total <= 0) return [];
    const due = FAULTS.filter((fault) => this.#waiting.has(fault) && done / total >= STRIKES_AT[fault]);
    for (const fault of due) this.#waiting.delete(fault);
    return due;
  }
}

/** The machine a cloud would take: a spot worker that is up, the first by name. */
export function chooseSpot(nodes: readonly NodeRecord[]): NodeRecord | undefined {
  return nodes
    .filter((node) => node.state === 'up' && node.labels.capacity === 'spot')
    .sort((a, b) => (a.node < b.node ? -1 : 1))[0];
}
