import type { Coordinator } from '../coordinator/index.ts';
import type { Clock, Fence } from '../core/index.ts';
import { type JournalPlace, type JournalStore, ledgerStore } from '../journal/index.ts';
import { decodePayload, encodePayload } from '../wire/index.ts';

/** How far what is written lags behind what was acknowledged, unless told otherwise, ms. */
export const BEHIND_MS = 4_000;

/** A journal as it is kept: whole, under one name. */
interface Image {
  readonly version: number;
  readonly snapshotVersion: number;
  readonly snapshot?: Uint8Array;
  readonly records: readonly Uint8Array[];
}

const EMPTY: Image = { version: 0, snapshotVersion: 0, records: [] };

/**
 * Journals without their protection, as a store that writes behind would keep them: an append is acknowledged at once and written
 * later, and the last writer wins, whatever its epoch and version. To see what the protection prevents, and what it costs; nothing in the
 * package's normal way leads here. It keeps no histories.
 */
export class UnprotectedStore implements JournalStore {
  readonly blobs: JournalStore['blobs'];
  readonly #coordinator: Pick<Coordinator, 'execute' | 'query'>;
  readonly #clock: Pick<Clock, 'schedule'>;
  readonly #behindMs: number;
  /** Journals that were read or written here, by name. */
  readonly #images: Map<string, Image> = new Map();
  /** Those of them that aren't written yet. */
  readonly #behind: Set<string> = new Set();

  constructor(
    coordinator: Pick<Coordinator, 'execute' | 'query'>,
    clock: Pick<Clock, 'schedule'>,
    behindMs: number = BEHIND_MS,
  ) {
    this.#coordinator = coordinator;
    this.#clock = clock;
    this.#behindMs = behindMs;
    this.blobs = ledgerStore(coordinator).blobs;
  }

  readonly journals: JournalStore['journals'] = {
    append: async ({ fence, key, version, records, snapshot }) => {
      const name = nameOf(fence, key);
      const before = this.#images.get(name) ?? EMPTY;
      const next = version + records.length;
      const image: Image =
        snapshot === undefined
          ? { ...before, version: next, records: [...before.records, ...records] }
          : { version: next, snapshotVersion: next, snapshot, records: [] };
      this.#images.set(name, image);
      if (!this.#behind.has(name)) this.#clock.schedule(this.#behindMs, () => void this.#write(name));
      this.#behind.add(name);
      return { version: next };
    },
    read: (place) => this.#read(place),
    history: async ({ from }) => ({ from, items: [] }),
    wakes: async () => ({ wakes: [] }),
    delete: async ({ fence, key }) => void this.#images.delete(nameOf(fence, key)),
  };

  async close(): Promise<void> {}

  async #write(name: string): Promise<void> {
    this.#behind.delete(name);
    // Nobody waits for it: what fails is lost.
    await this.#coordinator
      .execute('kv.put', { key: name, value: encodePayload(this.#images.get(name)) })
      .catch(() => undefined);
  }

  async #read({ fence, key }: JournalPlace): Promise<Image> {
    const name = nameOf(fence, key);
    const own = this.#behind.has(name) ? this.#images.get(name) : undefined;
    if (own !== undefined) return own;
    const kept = await this.#coordinator.query('kv.get', { key: name });
    const image = kept === undefined ? EMPTY : (decodePayload(kept.value) as Image);
    this.#images.set(name, image);
    return image;
  }
}

function nameOf({ group }: Fence, key: string): string {
  return `unprotected/${group}/${key}`;
}
