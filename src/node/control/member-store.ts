import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Founding, MemberId } from '../../coordinator/index.ts';
import { type Logger, type NodeId, TroupeError } from '../../core/index.ts';
import { type Entry, FileDisk, MemoryLog, openDiskLog, type RaftLog } from '../../raft/index.ts';

/** Who a node is in Raft, as its disk says. */
export type Identity =
  /** The cluster hasn't formed yet, as far as this node knows. */
  | Founding
  | { readonly state: 'founder'; readonly member: MemberId; readonly founders: readonly MemberId[] }
  /** `left`: the member it was before, whose log is gone on purpose. */
  | { readonly state: 'admitted'; readonly member: MemberId; readonly left?: MemberId }
  /** It takes no part. */
  | { readonly state: 'worker'; readonly left?: MemberId };

/** What a node keeps of its part in Raft: who it is, and its member's log. A member's log is never another member's. */
export interface MemberStore {
  /**
   * What was saved last; undefined in a new folder.
   * @throws TroupeError LOG_CORRUPT when there is a log and nothing says whose
   */
  load(): Identity | undefined;
  /** Durable when it resolves. */
  save(identity: Identity): Promise<void>;
  /** Makes a member's log, in place of whatever is there; durable, with these committed entries in it, when it resolves. */
  create(member: MemberId, entries: readonly Entry[]): Promise<void>;
  /** Opens the log that `create` made. @throws TroupeError LOG_CORRUPT when it is gone, IDENTITY_MISMATCH */
  open(member: MemberId): Promise<RaftLog>;
  /** Removes the log, and what was made from it. */
  clear(): Promise<void>;
}

const IDENTITY_FILE = 'identity.json';

/** What a directory needs to be one of a cluster's. */
export interface FileStoreOptions {
  readonly clusterId: string;
  readonly node: NodeId;
  /** Folder of the identity and the log. */
  readonly path: string;
  /** Folder above which nothing is made anew: the names between it and `path` are synced. */
  readonly root: string;
  /** The ledger's SQLite file, which belongs to the log. */
  readonly ledgerPath: string;
  readonly logger: Logger;
}

/** A store in a folder of this machine. */
export function fileMemberStore(options: FileStoreOptions): MemberStore {
  const { clusterId, path, root, ledgerPath, logger } = options;
  const disk = new FileDisk(path);
  let isNew = !disk.list().includes(IDENTITY_FILE);
  const clear = async (): Promise<void> => {
    for (const suffix of ['', '-wal', '-shm']) rmSync(ledgerPath + suffix, { force: true });
    for (const name of disk.list()) if (!name.startsWith(IDENTITY_FILE)) disk.remove(name);
    await disk.syncDirectory();
  };
  return {
    load: () => {
      const names = disk.list();
      if (names.includes(IDENTITY_FILE)) return readIdentity(disk, options);
      if (!names.some((name) => name.endsWith('.wal'))) return undefined;
      const message = `${path} holds a log, and ${IDENTITY_FILE}, which says whose, is gone; restore it, or remove the folder`;
      throw new TroupeError('LOG_CORRUPT', message, { address: path });
    },
    save: async (identity) => {
      const text = Buffer.from(JSON.stringify({ cluster: clusterId, node: options.node, ...identity }));
      const file = disk.create(`${IDENTITY_FILE}.new`);
      try {
        file.write(text, 0);
        await file.sync();
      } finally {
        file.close();
      }
      disk.rename(`${IDENTITY_FILE}.new`, IDENTITY_FILE);
      await disk.syncDirectory();
      // The folders that lead here may be as new as it is.
      for (let folder = dirname(path); isNew && folder.startsWith(root); folder = dirname(folder)) {
        await new FileDisk(folder).syncDirectory();
      }
      isNew = false;
    },
    create: async (id, entries) => {
      await clear();
      const log = await openDiskLog({ disk, clusterId, id, logger });
      await write(log, entries);
    },
    open: (id) => openDiskLog({ disk, clusterId, id, logger, mustExist: true }),
    clear,
  };
}

function readIdentity(disk: FileDisk, { clusterId, node, path }: FileStoreOptions): Identity {
  const file = disk.open(IDENTITY_FILE);
  const bytes = Buffer.alloc(file.size);
  try {
    file.read(bytes, 0);
  } finally {
    file.close();
  }
  let read: Identity & { readonly cluster: string; readonly node: NodeId };
  try {
    read = JSON.parse(bytes.toString());
  } catch (cause) {
    throw new TroupeError('LOG_CORRUPT', `${path}/${IDENTITY_FILE} is damaged`, { address: path, cause });
  }
  const { cluster, node: whose, ...identity } = read;
  if (cluster === clusterId && whose === node) return identity;
  const message = `the directory belongs to ${whose} of cluster ${cluster}, not to ${node} of ${clusterId}`;
  throw new TroupeError('IDENTITY_MISMATCH', message, { address: path });
}

/** A store in memory, for clusters inside one process. */
export function memoryMemberStore(): MemberStore {
  let identity: Identity | undefined;
  let log = new MemoryLog();
  return {
    load: () => identity,
    save: async (next) => {
      identity = next;
    },
    create: async (_member, entries) => {
      log = new MemoryLog();
      await write(log, entries);
    },
    open: async () => {
      log = new MemoryLog(log);
      return log;
    },
    clear: async () => {
      log = new MemoryLog();
    },
  };
}

async function write(log: RaftLog, entries: readonly Entry[]): Promise<void> {
  const { term = 0, index: commit = 0 } = entries.at(-1) ?? {};
  try {
    await log.append({ term, vote: undefined, commit }, entries);
  } finally {
    await log.close();
  }
}
