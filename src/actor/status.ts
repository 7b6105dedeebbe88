/** Where an actor stands, in the order that the comparisons need. */
export const Status = {
  /** Spawned; its first incarnation hasn't begun. */
  new: 0,
  /** Its start hook is under way. */
  starting: 1,
  running: 2,
  /** It crashed and its supervisor hasn't decided. */
  failed: 3,
  /** Its incarnation ends; another will follow. */
  restarting: 4,
  /** Between two incarnations. */
  waiting: 5,
  /** It ends for good: from here on no mail is taken. */
  stopping: 6,
  dead: 7,
} as const;

/** Where an actor stands, in words. */
export type StatusName = keyof typeof Status;

const NAMES = Object.keys(Status) as StatusName[];

/** @param status one of the numbers of `Status` */
export function statusName(status: number): StatusName {
  return NAMES[status] ?? 'dead';
}

/** What there is to see of an actor from outside. */
export interface ActorFacts {
  readonly path: string;
  readonly status: StatusName;
  /** Waiting messages. */
  readonly depth: number;
  /** Their sizes; 0 without a `sizeOf`. */
  readonly bytes: number;
  /** How long the first of them has waited, ms, to within a slice. */
  readonly oldestAgeMs: number;
  /** Restarts so far. */
  readonly restarts: number;
  readonly children: number;
}
