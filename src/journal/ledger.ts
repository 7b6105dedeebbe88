import { type Coordinator, LEDGER_LIMITS } from '../coordinator/index.ts';
import { isTroupeError, TroupeError } from '../core/index.ts';
import { blobId, type JournalStore, verified } from './port.ts';

/** Parts of one blob that are under way at a time when it is read. */
const PARTS_AT_ONCE = 4;

/**
 * Journals in the cluster's own ledger, and blobs in it too: an entry of the log is on a majority of voters before it counts, and
 * whoever becomes a voter gets them with the ledger's snapshot.
 */
export function ledgerStore(
  coordinator: Pick<Coordinator, 'execute' | 'query'>,
  partBytes: number = LEDGER_LIMITS.blobPartBytes,
): JournalStore {
  const partsOf = (size: number): number => Math.max(1, Math.ceil(size / partBytes));
  return {
    journals: {
      append: (request, options) => coordinator.execute('journal.append', request, options),
      read: (place, options) => coordinator.query('journal.read', place, options),
      history: (page, options) => coordinator.query('journal.history', page, options),
      wakes: (page, options) => coordinator.query('journal.wakes', page, options),
      delete: async (request, options) => void (await coordinator.execute('journal.delete', request, options)),
    },
    blobs: {
      async put(bytes) {
        const id = blobId(bytes);
        const size = bytes.byteLength;
        // One after the other: a large value must not crowd the log.
        for (let part = 0; part < partsOf(size); part++) {
          const piece = bytes.subarray(part * partBytes, (part + 1) * partBytes);
          const { whole } = await coordinator.execute('blob.put', { id, size, part, bytes: piece });
          if (whole) return id;
        }
        throw new TroupeError('BLOB_CORRUPT', `what was kept of blob ${id} had another hash; put it again`, {
          address: id,
        });
      },
      async get(id) {
        const { size } = await coordinator.query('blob.read', { id });
        const whole = new Uint8Array(size);
        for (let from = 0; from < partsOf(size); from += PARTS_AT_ONCE) {
          const count = Math.min(PARTS_AT_ONCE, partsOf(size) - from);
          const parts = Array.from({ length: count }, (_, i) =>
            coordinator.query('blob.read', { id, part: from + i }).then(({ bytes }) => {
              whole.set(bytes ?? new Uint8Array(0), (from + i) * partBytes);
            }),
          );
          await Promise.all(parts);
        }
        return verified(id, whole);
      },
      has: (id) =>
        coordinator.query('blob.read', { id }).then(
          () => true,
          (error) => {
            if (isTroupeError(error, 'NOT_FOUND')) return false;
            throw error;
          },
        ),
    },
    close: async () => undefined,
  };
}
