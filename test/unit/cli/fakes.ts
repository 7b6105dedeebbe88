import type { LedgerEvent, NodeRecord } from '../../../src/api/index.ts';
import type { CliContext } from '../../../src/cli/cli-context.ts';
import { Interrupts } from '../../../src/cli/interrupts.ts';
import { ManualClock } from '../../../src/testkit/clock.ts';

/** A context whose output a test can read. */
export function fakeContext(
  clock: ManualClock = new ManualClock(),
): CliContext & { out: string[]; err: string[]; code: number } {
  const out: string[] = [];
  const err: string[] = [];
  const source = { on: () => undefined, off: () => undefined };
  const context = {
    out,
    err,
    code: 0,
    clock,
    interrupts: new Interrupts(
      source,
      () => undefined,
      () => undefined,
    ),
    terminal: {
      print: (text: string) => void out.push(text),
      note: (text: string) => void err.push(text),
      stderr: { write: (text: string) => err.push(text) },
      closed: false,
      onClosed: () => undefined,
      flush: async () => undefined,
    },
    exitWith: (code: number) => {
      context.code = code;
    },
    onStopNow: () => undefined,
  };
  return context;
}

/** A node of the ledger. */
export function node(id: string, more: Partial<NodeRecord> = {}): NodeRecord {
  return {
    node: id,
    incarnation: 1,
    state: 'up',
    addresses: { control: '', data: '', api: '' },
    labels: {},
    voter: false,
    groups: [],
    ...more,
  };
}

/** An event that a node changed. */
export function nodeEvent(record: NodeRecord, term = 1): LedgerEvent {
  return { type: 'node', node: record, index: 1, term, time: 0 };
}

/** An event that a decision closed, or only got a ballot. */
export function decisionEvent(term: number, closed = true): LedgerEvent {
  const result = { outcome: 'decided' as const, choice: 'x', tally: { x: 1 }, index: 1, term, epoch: 1 };
  const decision = {
    id: 'd',
    question: '?',
    electors: ['a'],
    rule: 'majority' as const,
    quorum: 1,
    earlyStop: true,
    closesAt: 0,
    ballots: [],
    ...(closed ? { result } : {}),
  };
  return { type: 'decision', decision, index: 1, term, time: 0 };
}
