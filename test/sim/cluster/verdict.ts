import { type Memory, type Note, notesOf } from './agents.ts';
import type { Operation } from './clients.ts';
import { mailVerdict } from './letters.ts';
import { Broken } from './surroundings.ts';
import type { Tool } from './tool.ts';

/**
 * Holds what agents remember in the end, and what happened outside, against what their clients were told: every operation is there once, in the
 * place that its answer named, and each of its steps had its effect once. A note, which is sent at most once, is there once too, or not at all.
 *
 * @param memories of all agents, by kind and key
 * @param gentle nothing died: all notes are there, and what one node sent to an agent came in that order
 * @throws Broken
 */
export function verdict(
  operations: readonly Operation[],
  memories: ReadonlyMap<string, Memory>,
  { effects, keys }: Pick<Tool, 'effects' | 'keys'>,
  gentle: boolean,
): void {
  const expected = new Map<string, Set<string>>();
  const noted = new Map<string, Set<string>>();
  const expect = (whose: Map<string, Set<string>>, agent: string, op: string): void => {
    whose.set(agent, (whose.get(agent) ?? new Set()).add(op));
  };
  for (const { kind, key, work, posted, done } of operations) {
    const agent = `${kind}/${key}`;
    const { op, steps, sink, notes } = work;
    expect(expected, agent, op);
    if (!posted) {
      if (done === undefined) throw new Broken(`${op} was never answered`);
      const place = done === 'forgotten' ? undefined : done.count;
      const found = place === undefined ? op : memories.get(agent)?.ops[place - 1];
      if (found !== op) throw new Broken(`${agent} said that ${op} was its number ${place}, which is ${found}`);
    }
    if (sink !== undefined) expect(expected, `sink/${sink}`, `${op}>${sink}`);
    if (notes && sink !== undefined) for (const note of notesOf(op)) expect(noted, `sink/${sink}`, note);
    for (let i = 0; i < steps; i++) {
      const label = `${op}.${i}`;
      const times = effects.get(label) ?? 0;
      if (times !== 1) throw new Broken(`step ${label} of ${agent} had its effect ${times} times (${work.policy})`);
      if (keys.get(label)?.size !== 1)
        throw new Broken(`step ${label} came under several keys: ${[...(keys.get(label) ?? [])]}`);
    }
  }
  for (const [agent, { ops, notes }] of memories) {
    compare(agent, ops, expected.get(agent) ?? new Set(), true);
    const got = notes.map(({ op }) => op);
    compare(`${agent} by notes`, got, noted.get(agent) ?? new Set(), gentle);
    if (gentle) inOrder(agent, notes);
  }
  mailVerdict(operations, memories);
  if (gentle) for (const [agent, { ops }] of memories) inOrder(agent, asksOf(operations, agent, ops));
}

function compare(agent: string, did: readonly string[], wanted: ReadonlySet<string>, all: boolean): void {
  const twice = did.find((op, i) => did.indexOf(op) !== i);
  if (twice !== undefined) throw new Broken(`${agent} did ${twice} twice`);
  for (const op of did) if (!wanted.has(op)) throw new Broken(`${agent} did ${op}, which nobody asked for`);
  for (const op of wanted) if (all && !did.includes(op)) throw new Broken(`${agent} has lost ${op}`);
}

/** Of each sender's messages none may come before an earlier one. */
function inOrder(agent: string, messages: readonly Note[]): void {
  const last = new Map<string, Note>();
  for (const message of messages) {
    const before = last.get(message.from);
    if (before !== undefined && before.order > message.order) {
      throw new Broken(`${agent} did ${message.op} after ${before.op}, which ${message.from} had sent later`);
    }
    last.set(message.from, message);
  }
}

/** What clients asked of an agent, in the order in which it was done; what was asked more than once has no order. */
function asksOf(operations: readonly Operation[], agent: string, ops: readonly string[]): Note[] {
  const mine = new Map(
    operations.flatMap((each) => (`${each.kind}/${each.key}` === agent && !each.posted ? [[each.work.op, each]] : [])),
  );
  return ops.flatMap((op) => {
    const asked = mine.get(op)?.asked ?? [];
    const [only] = asked;
    return only === undefined || asked.length > 1 ? [] : [{ op, ...only }];
  });
}
