import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../../src/core/index.ts';
import type { Entry, HardState } from '../../../../src/raft/consensus/types.ts';
import { MemoryDisk, type RaftLog } from '../../../../src/raft/log/index.ts';
import { bytes, entry, hard, meta, openOn } from './support.ts';

const SEEDS = 150;
const LIVES = 4;
const STEPS = 25;

/** What the log should hold after some records were written: the text of each entry after `base`, and the ballot. */
interface State {
  readonly term: number;
  readonly vote: string | undefined;
  readonly base: number;
  readonly baseTerm: number;
  readonly entries: readonly string[];
  /** Term of the newest entry, for making sound operations. */
  readonly lastTerm: number;
}

const EMPTY: State = { term: 0, vote: undefined, base: 0, baseTerm: 0, entries: [], lastTerm: 0 };

const show = (each: Entry): string => `${each.index}:${each.term}:${Buffer.from(each.data).toString()}`;

function withBallot(state: State, ballot: HardState): State {
  return { ...state, term: ballot.term, vote: ballot.vote };
}

function withEntry(state: State, each: Entry): State {
  const entries = [...state.entries.slice(0, each.index - state.base - 1), show(each)];
  return { ...state, entries, lastTerm: each.term };
}

function stateOf(log: RaftLog): State {
  const { hardState } = log.recovered;
  const base = log.firstIndex() - 1;
  const entries = log.entries(base + 1, log.lastIndex() + 1, Number.POSITIVE_INFINITY) ?? [];
  return {
    term: hardState?.term ?? 0,
    vote: hardState?.vote,
    base,
    baseTerm: log.term(base) ?? 0,
    entries: entries.map(show),
    lastTerm: log.term(log.lastIndex()) ?? 0,
  };
}

/** Whether `found` is `expected`, apart from entries trimmed behind a snapshot in one and not yet in the other. */
function agrees(found: State, expected: State): boolean {
  if (found.term !== expected.term || found.vote !== expected.vote) return false;
  const base = Math.max(found.base, expected.base);
  const last = expected.base + expected.entries.length;
  if (found.base + found.entries.length !== last || base > last) return false;
  const tail = (state: State): string => state.entries.slice(base - state.base).join();
  return tail(found) === tail(expected);
}

/** Drives one log through operations that Raft could ask for, and keeps what the disk may hold after a crash. */
class Life {
  readonly #log: RaftLog;
  readonly #random: SeededRandom;
  /** Every state that a prefix of the records written so far leads to. */
  readonly states: State[];
  /** Index in `states` that has been acknowledged. */
  acknowledged = 0;
  /** Set when the crash came: nothing more is asked of this life. */
  over = false;
  #committed: number;
  #serial = 0;

  constructor(log: RaftLog, random: SeededRandom, state: State) {
    this.#log = log;
    this.#random = random;
    this.states = [state];
    this.#committed = log.snapshot()?.index ?? 0;
  }

  get #now(): State {
    return this.states.at(-1) as State;
  }

  async step(): Promise<void> {
    const kind = this.#random.next();
    if (kind < 0.75) this.#append(kind < 0.1);
    else if (kind < 0.85) await this.#save();
    else if (kind < 0.9) await this.#install();
    else for (let ticks = this.#random.int(0, 30); ticks > 0; ticks--) await undefined;
  }

  #append(replace: boolean): void {
    const random = this.#random;
    const now = this.#now;
    const last = now.base + now.entries.length;
    const newTerm = now.term === 0 || replace || random.next() < 0.2;
    const ballot = hard(now.term + (newTerm ? 1 : 0), newTerm ? `n${random.int(1, 4)}` : now.vote);
    const first = replace ? random.int(Math.min(this.#committed, last) + 1, last + 2) : last + 1;
    const entries: Entry[] = [];
    for (let i = random.int(0, 6); i > 0; i--) {
      const text = `${this.#serial++}`.padEnd(random.int(1, 900), '.');
      entries.push(entry(first + entries.length, ballot.term, text));
    }
    if (newTerm) this.states.push(withBallot(now, ballot));
    for (const each of entries) this.states.push(withEntry(this.#now, each));
    this.#acknowledge(this.#log.append(hard(ballot.term, ballot.vote, now.base), entries));
  }

  async #save(): Promise<void> {
    const now = this.#now;
    const last = now.base + now.entries.length;
    if (last === now.base) return;
    const index = this.#random.int(Math.max(now.base, this.#log.firstIndex() - 1) + 1, last + 1);
    this.#committed = Math.max(this.#committed, index);
    const saved = this.#log.saveSnapshot(meta(index, this.#log.term(index) as number), [Buffer.alloc(2000)], 3);
    await saved.catch(() => {});
  }

  async #install(): Promise<void> {
    const now = this.#now;
    const index = now.base + now.entries.length + this.#random.int(1, 5);
    this.#committed = index;
    const term = Math.max(now.term, 1);
    const restarted = { ...now, term, base: index, baseTerm: term, entries: [], lastTerm: term };
    if (term !== now.term) this.states.push(withBallot(now, hard(term)));
    const order = async (): Promise<void> => {
      await this.#log.append(hard(term, term === now.term ? now.vote : undefined), []);
      await this.#log.stageSnapshot(meta(index, term), bytes('state of another'));
      this.states.push(term === now.term ? restarted : { ...restarted, vote: undefined });
      const installed = this.#log.installSnapshot(meta(index, term));
      this.#acknowledge(installed);
      await installed;
    };
    await order().catch(() => {});
  }

  #acknowledge(promise: Promise<void>): void {
    const upTo = this.states.length - 1;
    promise.then(
      () => {
        this.acknowledged = Math.max(this.acknowledged, upTo);
      },
      () => {},
    );
  }
}

/** One disk through several lives and crashes. @returns how many entries were recovered in all */
async function play(seed: number, makeDisk: () => MemoryDisk): Promise<number> {
  const random = new SeededRandom(seed);
  let disk = makeDisk();
  disk.beforeSync = async () => {
    for (let ticks = random.int(0, 12); ticks > 0; ticks--) await undefined;
  };
  let state = EMPTY;
  let recovered = 0;
  for (let life = 0; life < LIVES; life++) {
    const log = await openOn(disk, { cacheBytesMax: 2000, batchBytesMax: 3000 });
    const found = stateOf(log);
    const played = new Life(log, random, state);
    if (life === 0) expect(found).toEqual(EMPTY);
    played.states[0] = found;
    const steps = random.int(1, STEPS);
    // The crash comes at any moment: also in the middle of a step that waits.
    const work = (async () => {
      for (let i = 0; i < steps && !played.over; i++) await played.step();
      played.over = true;
    })();
    for (let ticks = random.int(10, 2000); ticks > 0 && !played.over; ticks--) await undefined;
    played.over = true;
    const { states, acknowledged } = played;
    const upTo = states.length;
    disk = random.next() < 0.2 ? disk.kill() : disk.crash(random.next() < 0.2 ? undefined : random);
    const again = await openOn(disk);
    const after = stateOf(again);
    const possible = states.slice(acknowledged, upTo);
    const match = possible.some((each) => agrees(after, each));
    expect(match, `seed ${seed}, life ${life}: ${JSON.stringify({ after, possible }, undefined, 1)}`).toBe(true);
    expect(after.lastTerm, 'entries are never durable before their term').toBeLessThanOrEqual(after.term);
    recovered += after.entries.length;
    await again.close();
    await work;
    state = after;
  }
  return recovered;
}

describe('crashes at any moment', () => {
  test(`what was acknowledged survives, and what survives was written, in order (${SEEDS} seeds)`, async () => {
    let recovered = 0;
    for (let seed = 1; seed <= SEEDS; seed++) recovered += await play(seed, () => new MemoryDisk());
    // The property is worth something only if there was something to lose.
    expect(recovered).toBeGreaterThan(SEEDS * LIVES);
  });

  test('the property notices a disk that forgets to sync directories', async () => {
    await expect(playUntilNoticed('directory')).resolves.toBeLessThan(50);
  });

  test('the property notices a disk that lies about syncs', async () => {
    await expect(playUntilNoticed('files')).resolves.toBeLessThan(50);
  });
});

async function playUntilNoticed(lies: 'files' | 'directory'): Promise<number> {
  for (let seed = 1; seed < 50; seed++) {
    try {
      await play(seed, () => new MemoryDisk({ lies }));
    } catch {
      return seed;
    }
  }
  return 50;
}
