import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readEntry } from '../coordinator/index.ts';
import { isTroupeError, TroupeError } from '../core/index.ts';
import {
  type Configuration,
  decodeConfiguration,
  FileDisk,
  type InspectedRecord,
  inspectLog,
  inspectRecords,
  type LogInspection,
} from '../raft/index.ts';

/** Bytes of an unknown entry that are shown. */
const HEAD_BYTES = 16;

/** What to do about damage: a repaired log could have forgotten what others rely on. */
const REPLACE =
  'remove this voter from the cluster and let a new one join with an empty folder; if it is the only one, restore a backup';

/** A record of a voter's log, and what it means to the ledger. */
export interface LogRecord extends Omit<InspectedRecord, 'data'> {
  readonly bytes: number;
  /** Of an entry that is a batch of commands: logged time in ms, session (0 for none), and the commands as `seq:name`. */
  readonly time?: number;
  readonly session?: number;
  readonly commands?: readonly string[];
  /** Of an entry that changes the members. */
  readonly members?: Configuration;
  /** Of a hard state: whom the node voted for in the term; its `index` is the commit index. */
  readonly vote?: string;
  /** The first bytes of an entry that isn't one of the ledger's, hexadecimal. */
  readonly head?: string;
}

/**
 * Checks a voter's log directory (`<dataDir>/data/<node>/raft`) without changing it.
 *
 * @throws TroupeError NOT_FOUND when there is no log, ALREADY_EXISTS while a node runs on it, LOG_CORRUPT, SNAPSHOT_CORRUPT
 */
export async function verifyLog(path: string): Promise<LogInspection> {
  try {
    return await inspectLog(new FileDisk(path, { readOnly: true }));
  } catch (error) {
    throw explained(error, path);
  }
}

/** Every record of a voter's log directory, one segment at a time in memory. @throws TroupeError as `verifyLog` */
export function* readLog(path: string): Generator<LogRecord> {
  try {
    for (const record of inspectRecords(new FileDisk(path, { readOnly: true }))) yield describe(record);
  } catch (error) {
    throw explained(error, path);
  }
}

function describe({ data, ...record }: InspectedRecord): LogRecord {
  const shown = { ...record, bytes: data.byteLength };
  switch (record.kind) {
    case 'hardState':
      return { ...shown, vote: Buffer.from(data).toString() };
    case 'configEntry':
      return { ...shown, members: decodeConfiguration(data) };
    case 'entry':
      return data.byteLength === 0 ? shown : { ...shown, ...meaning(data) };
    default:
      return shown;
  }
}

function meaning(data: Uint8Array): Partial<LogRecord> {
  try {
    const { time, batch } = readEntry(data);
    return { time, session: batch.session, commands: batch.commands.map(({ seq, name }) => `${seq}:${name}`) };
  } catch (error) {
    if (!isTroupeError(error, 'PROTOCOL_VIOLATION')) throw error;
    return { head: Buffer.from(data.subarray(0, HEAD_BYTES)).toString('hex') };
  }
}

/** Says what to do, in one line. */
function explained(error: unknown, path: string): unknown {
  const advice = adviceFor(error, path);
  if (!isTroupeError(error) || advice === undefined) return error;
  const { code, message, data, address, cause } = error;
  return new TroupeError(code, `${message}; ${advice}`, { data, cause, ...(address === undefined ? {} : { address }) });
}

function adviceFor(error: unknown, path: string): string | undefined {
  if (isTroupeError(error, 'NOT_FOUND')) {
    const within = join(path, 'raft');
    return existsSync(within) ? `name ${within}` : 'name the folder raft below the data of a voter';
  }
  if (isTroupeError(error, 'ALREADY_EXISTS')) return 'stop the node first, or look at a copy';
  if (isTroupeError(error, 'LOG_CORRUPT') || isTroupeError(error, 'SNAPSHOT_CORRUPT')) return REPLACE;
  return undefined;
}
