import type { AgentContext } from '../../../src/agent/index.ts';
import { type AgentAddress, agentAddressKey } from '../../../src/core/index.ts';
import type { Memory } from './agents.ts';
import type { Operation } from './clients.ts';
import { Broken } from './surroundings.ts';

/** What a turn leaves to go on by itself when it has ended. */
export interface Later {
  /** Agents that get a durable message each, in this order. */
  readonly letters: readonly AgentAddress[];
  /** A timer rings after so long, ms, and sends one more to the first of them. */
  readonly ringMs: number | undefined;
  /** A schedule rings that often, ms, and ends itself after `TICKS` times. */
  readonly tickMs: number | undefined;
}

/** A durable message: its name, and the agents at its ends. */
export interface Letter {
  readonly id: string;
  readonly from: string;
  readonly to: string;
}

/** Rings of a schedule. */
const TICKS = 3;

/** What an agent remembers of these, each in the order in which it happened. */
export interface Mailbag {
  readonly sent: readonly Letter[];
  readonly got: readonly Letter[];
  /** Rings of timers, and of schedules each with the time that it was for. */
  readonly rings: readonly string[];
}

/** Nothing yet. */
export const NO_MAIL: Mailbag = { sent: [], got: [], rings: [] };

/** What rings brings. */
interface Ring {
  readonly op: string;
  readonly to: AgentAddress | undefined;
}

/** The part of agents that has to do with durable messages and timers. */
export class Letters {
  /** What handlers have come to the end of, committed or not: so one can wait for it without waking anybody. */
  readonly handled: Set<string> = new Set();
  readonly #report: (what: string) => void;

  /** @param report something is wrong: the run needn't go on */
  constructor(report: (what: string) => void) {
    this.#report = report;
  }

  /** Sends, and sets timers; what was sent is in the state that the turn leaves. */
  async leave(ctx: AgentContext<Memory>, op: string, later: Later | undefined): Promise<void> {
    if (later === undefined) return;
    const { letters, ringMs, tickMs } = later;
    for (const [i, to] of letters.entries()) await send(ctx, letterId(op, i), to);
    const ring: Ring = { op, to: letters[0] };
    if (ringMs !== undefined) ctx.after(op, ringMs, 'ring', ring);
    if (tickMs !== undefined) ctx.every(`${op} again`, tickMs, 'tick', ring);
  }

  letter(ctx: AgentContext<Memory>, letter: Letter): void {
    const { got } = ctx.state;
    const me = agentAddressKey(ctx.address);
    // What is in the state has been committed.
    if (got.some(({ id }) => id === letter.id)) this.#report(`${me} got ${letter.id} twice`);
    if (letter.to !== me) this.#report(`${me} got ${letter.id}, which was for ${letter.to}`);
    ctx.setState({ ...ctx.state, got: [...got, letter] });
    this.handled.add(letter.id);
  }

  async ring(ctx: AgentContext<Memory>, { op, to }: Ring): Promise<void> {
    this.#remember(ctx, rangId(op));
    if (to !== undefined) await send(ctx, rangId(op), to);
    this.handled.add(rangId(op));
  }

  tick(ctx: AgentContext<Memory>, { op }: Ring): void {
    // A ring of a schedule is known by the request it makes: by number and time.
    this.#remember(ctx, `${tickedId(op)} ${ctx.requestId}`);
    if (ticksOf(ctx.state, op) < TICKS) return;
    ctx.cancel(`${op} again`);
    this.handled.add(tickedId(op));
  }

  #remember(ctx: AgentContext<Memory>, ring: string): void {
    const { rings } = ctx.state;
    if (rings.includes(ring)) this.#report(`${agentAddressKey(ctx.address)} heard twice that ${ring}`);
    ctx.setState({ ...ctx.state, rings: [...rings, ring] });
  }
}

async function send(ctx: AgentContext<Memory>, id: string, to: AgentAddress): Promise<void> {
  const letter: Letter = { id, from: agentAddressKey(ctx.address), to: agentAddressKey(to) };
  await ctx.host.send(to, 'letter', letter);
  ctx.setState({ ...ctx.state, sent: [...ctx.state.sent, letter] });
}

/** All that operations have left to be done, by the names that `handled` has. */
export function* duties(operations: Iterable<Operation>): Iterable<string> {
  for (const { work, posted } of operations) {
    const { op, later } = work;
    if (posted) yield op;
    if (later === undefined) continue;
    for (const i of later.letters.keys()) yield letterId(op, i);
    // The letter of a ring has its name: who has got that has been sent it.
    if (later.ringMs !== undefined) yield rangId(op);
    if (later.tickMs !== undefined) yield tickedId(op);
  }
}

/** A durable message that was sent and that its receiver hasn't got, or an accepted one that is still to be handled. */
export function underWay(operations: readonly Operation[], memories: ReadonlyMap<string, Memory>): string | undefined {
  for (const { sent } of memories.values()) {
    const lost = sent.find(({ id, to }) => !memories.get(to)?.got.some((letter) => letter.id === id));
    if (lost !== undefined) return `${lost.to} has not got ${lost.id}, which ${lost.from} has sent`;
  }
  for (const { kind, key, work, posted } of operations) {
    const { op, later } = work;
    const agent = `${kind}/${key}`;
    const memory = memories.get(agent);
    if (posted && !memory?.ops.includes(op)) return `${agent} has lost ${op}, which it had accepted`;
    if (later?.ringMs !== undefined && !memory?.rings.includes(rangId(op))) return `${agent} never heard ${rangId(op)}`;
    if (later?.tickMs !== undefined && memory !== undefined && ticksOf(memory, op) < TICKS)
      return `${agent} heard less than ${TICKS} times that ${tickedId(op)}`;
  }
  return undefined;
}

/**
 * Each durable message is with its receiver once, and in the order in which it was sent; each timer has rung once, and each schedule until
 * it was ended; what turns were to send they have sent.
 *
 * @param memories of all agents, by kind and key, when nothing is under way
 * @throws Broken
 */
export function mailVerdict(operations: readonly Operation[], memories: ReadonlyMap<string, Memory>): void {
  const lost = underWay(operations, memories);
  if (lost !== undefined) throw new Broken(lost);
  const all = [...memories.values()];
  for (const [to, { got, rings }] of memories) {
    once(
      to,
      got.map(({ id }) => id),
    );
    once(to, rings);
    for (const [from, { sent }] of memories) {
      const there = sent.filter((letter) => letter.to === to).map(({ id }) => id);
      const here = got.filter((letter) => letter.from === from).map(({ id }) => id);
      if (`${here}` !== `${there}`) throw new Broken(`${from} sent ${there} to ${to}, which got ${here}`);
    }
  }
  const sent = new Set(all.flatMap((memory) => memory.sent.map(({ id, from }) => `${from} ${id}`)));
  let wanted = 0;
  for (const { kind, key, work } of operations) {
    const { op, later } = work;
    const agent = `${kind}/${key}`;
    const ids = later?.letters.map((_, i) => letterId(op, i)) ?? [];
    if (later?.ringMs !== undefined && later.letters.length > 0) ids.push(rangId(op));
    for (const id of ids) if (!sent.has(`${agent} ${id}`)) throw new Broken(`${agent} never sent ${id}`);
    wanted += ids.length;
    const ticks = ticksOf(memories.get(agent) as Memory, op);
    if (later?.tickMs !== undefined && ticks !== TICKS)
      throw new Broken(`${agent} heard ${ticks} times that ${tickedId(op)}`);
  }
  if (sent.size !== wanted) throw new Broken(`${sent.size} durable messages were sent, not ${wanted}`);
  for (const [agent, { ops }] of memories) postedInOrder(agent, operations, ops);
}

/** Of messages from outside, one that was accepted before another was sent by the same client is handled before it. */
function postedInOrder(agent: string, operations: readonly Operation[], ops: readonly string[]): void {
  const posted = operations.filter(({ kind, key, posted }) => posted && `${kind}/${key}` === agent);
  for (const later of posted) {
    const asked = later.asked[0]?.order ?? 0;
    for (const { client, acceptedAt, work } of posted) {
      if (client !== later.client || acceptedAt === undefined || acceptedAt >= asked) continue;
      if (ops.indexOf(work.op) > ops.indexOf(later.work.op))
        throw new Broken(`${agent} did ${later.work.op} before ${work.op}, which it had accepted by then`);
    }
  }
}

function once(agent: string, ids: readonly string[]): void {
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined) throw new Broken(`${agent} has ${twice} twice`);
}

function ticksOf({ rings }: Memory, op: string): number {
  return rings.filter((ring) => ring.startsWith(`${tickedId(op)} `)).length;
}

function letterId(op: string, i: number): string {
  return `${op}~${i}`;
}

function rangId(op: string): string {
  return `${op} rang`;
}

function tickedId(op: string): string {
  return `${op} ticked`;
}
