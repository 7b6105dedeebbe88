import type { KeyRange } from './port.ts';

/** Decimal places of an index in a key: enough for 2^53, so that keys sort as numbers do. */
const PLACES = 20;

/** Names of a log's keys below its prefix. */
export interface LogKeys {
  /** Made once, when the log is founded: who finds another one faces another log. */
  readonly identity: string;
  /** Index of the last entry, in decimal. */
  readonly head: string;
  /** The leader's id. Its creation revision is the term, and dies with the leader's lease. */
  readonly leader: string;
  /** While it exists, only the member that it names may become leader. */
  readonly successor: string;
  /** `leader` and `successor`, and nothing else. */
  readonly leadership: KeyRange;
  /** Entries, as records named by the last index in them. */
  readonly log: KeyRange;
  record(lastIndex: number): string;
  /** Entries too large for a record, in parts. */
  part(index: number, term: number, part: number): string;
  parts(index: number, term: number): KeyRange;
  /** Records and parts of entries up to an index. */
  upTo(index: number): readonly KeyRange[];
  /** Members that live. */
  readonly members: KeyRange;
  member(node: string): string;
  /** Which snapshot is the one. */
  readonly snapshot: string;
  /** All chunks of all snapshots, not `snapshot` itself. */
  readonly snapshots: KeyRange;
  chunk(index: number, term: number, chunk: number): string;
  chunks(index: number, term: number): KeyRange;
}

/** @param prefix what all keys begin with, e.g. `/troupe/local/` */
export function logKeys(prefix: string): LogKeys {
  const under = (name: string): KeyRange => keysUnder(prefix + name);
  return {
    identity: `${prefix}identity`,
    head: `${prefix}head`,
    leader: `${prefix}leader`,
    successor: `${prefix}leader/next`,
    leadership: under('leader'),
    log: under('log/'),
    record: (last) => `${prefix}log/${padded(last)}`,
    part: (index, term, part) => `${prefix}parts/${padded(index)}/${term}/${padded(part)}`,
    parts: (index, term) => under(`parts/${padded(index)}/${term}/`),
    upTo: (index) => ['log/', 'parts/'].map((name) => ({ key: prefix + name, end: prefix + name + padded(index + 1) })),
    members: under('member/'),
    member: (node) => `${prefix}member/${node}`,
    snapshot: `${prefix}snapshot/meta`,
    snapshots: { key: `${prefix}snapshot/0`, end: `${prefix}snapshot/:` },
    chunk: (index, term, chunk) => `${prefix}snapshot/${padded(index)}/${term}/${padded(chunk)}`,
    chunks: (index, term) => under(`snapshot/${padded(index)}/${term}/`),
  };
}

/** Records after an index. */
export function recordsAfter(keys: LogKeys, index: number): KeyRange {
  return { ...keys.log, key: keys.record(index + 1) };
}

/** All keys that begin so: up to the first name after them. */
export function keysUnder(start: string): KeyRange {
  return { key: start, end: start.slice(0, -1) + String.fromCharCode(start.charCodeAt(start.length - 1) + 1) };
}

function padded(index: number): string {
  return String(index).padStart(PLACES, '0');
}
