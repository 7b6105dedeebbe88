import { delay, errorMessage, isTroupeError, TroupeError } from '../../core/index.ts';
import { fromValue, isPassing, type LogContext, readKeys } from './context.ts';
import { recordsAfter } from './keys.ts';
import type { KeyValue } from './port.ts';
import { decodeRecord, type LogRecord, matchesParts } from './record.ts';
import { restoreSnapshot } from './snapshots.ts';

/** Gives the consumer what others wrote: all there is, or everything as it comes. */
export class LogReader {
  readonly #context: LogContext;

  constructor(context: LogContext) {
    this.#context = context;
  }

  /**
   * Applies all that is committed when it is called, from the snapshot where the log was trimmed.
   *
   * @returns the revision at which nothing was left
   * @throws TroupeError LOG_CORRUPT, SNAPSHOT_CORRUPT; TIMEOUT when it is to be called again
   */
  async catchUp(): Promise<number> {
    for (;;) {
      try {
        const revision = await this.#applyPage();
        if (revision !== undefined) return revision;
      } catch (error) {
        // What was being read has been trimmed meanwhile: a newer snapshot has it.
        if (!isTroupeError(error, 'NOT_FOUND')) throw error;
      }
    }
  }

  /**
   * Applies what is committed until `signal` fires. A watch is believed for a while only, then the log is read again.
   *
   * @throws TroupeError what can't be mended by trying again
   */
  async follow(signal: AbortSignal): Promise<void> {
    const { etcd, keys, clock, limits, logger } = this.#context;
    while (!signal.aborted) {
      const stale = new AbortController();
      const timer = clock.schedule(limits.watchMs, () => stale.abort());
      try {
        const revision = await this.catchUp();
        for await (const events of etcd.watch(keys.log, revision + 1, AbortSignal.any([signal, stale.signal]))) {
          for (const { type, kv } of events) if (type === 'put' && !(await this.#take(kv))) stale.abort();
        }
      } catch (error) {
        if (!isPassing(error)) throw error;
        logger.warn('the log at etcd can not be followed now', { error: errorMessage(error) });
        await delay(clock, limits.retryMs, signal);
      } finally {
        timer.cancel();
      }
    }
  }

  /** Applies some of what is there, or the snapshot. Returns the revision at which nothing was left, undefined when some may be. */
  async #applyPage(): Promise<number | undefined> {
    const { keys, applier, limits } = this.#context;
    const records = { ...recordsAfter(keys, applier.index), limit: limits.pageKeysMax };
    const { ranges, revision } = await readKeys(this.#context, { key: keys.head }, records);
    const [heads = [], page = []] = ranges;
    const head = heads[0] === undefined ? 0 : Number(fromValue(heads[0].value));
    if (head < applier.index) {
      const said = `etcd's log ends at ${head}, but this voter has applied ${applier.index}: etcd lost entries`;
      throw new TroupeError('LOG_CORRUPT', said, { address: keys.head });
    }
    let complete = page.length > 0 || head === applier.index;
    for (const kv of page) {
      complete = await this.#take(kv);
      if (!complete) break;
    }
    if (!complete) await restoreSnapshot(this.#context);
    return complete && applier.index >= head ? revision : undefined;
  }

  /** Applies the entries of a record that are new. Returns false when some before it are missing. */
  async #take({ key, value }: KeyValue): Promise<boolean> {
    const { applier } = this.#context;
    const record = decodeRecord(value, key);
    const { firstIndex, term } = record;
    if (firstIndex > applier.index + 1) return false;
    const known = applier.index + 1 - firstIndex;
    if (known >= record.data.length) return true;
    const data = record.kind === 'parts' ? [await this.#assemble(record, key)] : record.data.slice(known);
    applier.apply(data.map((entry, i) => ({ index: firstIndex + known + i, term, data: entry })));
    return true;
  }

  async #assemble({ firstIndex, term, data }: LogRecord, key: string): Promise<Uint8Array> {
    const { keys, limits } = this.#context;
    const parts: Uint8Array[] = [];
    for (;;) {
      const from = keys.part(firstIndex, term, parts.length);
      const range = { ...keys.parts(firstIndex, term), key: from, limit: limits.pageKeysMax };
      const { ranges } = await readKeys(this.#context, range);
      const page = ranges[0] ?? [];
      parts.push(...page.map(({ value }) => value));
      if (page.length < limits.pageKeysMax) break;
    }
    const entry = Buffer.concat(parts);
    if (matchesParts(data[0] as Uint8Array, entry)) return entry;
    // The log may have been trimmed beyond it since; then the snapshot has it.
    const { ranges } = await readKeys(this.#context, { key });
    if (ranges[0]?.length === 0) throw new TroupeError('NOT_FOUND', 'the log was trimmed while it was read');
    throw new TroupeError('LOG_CORRUPT', 'parts of an entry are missing or damaged', { address: key });
  }
}
