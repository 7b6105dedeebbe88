import type { LedgerEvent } from '../coordinator/index.ts';
import type { ClusterEvent, ClusterEvent__Output } from '../wire/generated/troupe/v1/ClusterEvent.ts';
import type { ClusterEvents__Output } from '../wire/generated/troupe/v1/ClusterEvents.ts';
import type { ClusterUpdate } from '../wire/generated/troupe/v1/ClusterUpdate.ts';
import { fromDecision, toDecision } from './decision-message.ts';
import { toHeldRecord, toHeldTurn } from './held.ts';
import { fromHeldMessage, toHeldMessage } from './held-message.ts';
import { fromJob, toJob } from './job-message.ts';
import { fromGroup, fromMembers, fromNode, fromShard, toGroup, toMembers, toNode, toShard } from './node-message.ts';

const NO_RESULT: Uint8Array = new Uint8Array(0);

function toEvent(event: LedgerEvent): ClusterEvent {
  switch (event.type) {
    case 'node':
      return { node: toNode(event.node) };
    case 'group':
      return { group: toGroup(event.group) };
    case 'members':
      return { members: toMembers(event.members) };
    case 'shards':
      return { shards: { shards: event.shards.map(toShard) } };
    case 'decision':
      return { decision: toDecision(event.decision) };
    case 'held':
      return { held: toHeldMessage(toHeldTurn(event.held)) };
    case 'job':
      return {
        job: {
          job: toJob(event.job),
          settled: event.settled.map(({ task, position, ok }) => ({ task, position, ok })),
        },
      };
  }
}

/** What one log entry changed, as the API shows it. */
export function toEvents(index: number, events: readonly LedgerEvent[]): ClusterUpdate {
  const { term, time } = events[0] ?? { term: 0, time: 0 };
  return { events: { index, term, timeUnixMs: Math.round(time), events: events.map(toEvent) } };
}

type Stamp = Pick<LedgerEvent, 'index' | 'term' | 'time'>;

function fromEvent(stamp: Stamp, event: ClusterEvent__Output): LedgerEvent | undefined {
  if (event.node != null) return { ...stamp, type: 'node', node: fromNode(event.node) };
  if (event.group != null) return { ...stamp, type: 'group', group: fromGroup(event.group) };
  if (event.members != null) return { ...stamp, type: 'members', members: fromMembers(event.members) };
  if (event.shards != null) return { ...stamp, type: 'shards', shards: (event.shards.shards ?? []).map(fromShard) };
  if (event.decision != null) return { ...stamp, type: 'decision', decision: fromDecision(event.decision) };
  if (event.held != null) return { ...stamp, type: 'held', held: toHeldRecord(fromHeldMessage(event.held)) };
  if (event.job == null) return undefined; // A kind of event that is newer than this client.
  const settled = (event.job.settled ?? []).map(({ task = '', position = 0, ok = false }) => ({
    task,
    position,
    ok,
    result: NO_RESULT,
  }));
  return { ...stamp, type: 'job', job: fromJob(event.job.job), settled };
}

/** The events behind `toEvents`; results of tasks stay empty, since `watchJob` has them. */
export function fromEvents(message: ClusterEvents__Output): LedgerEvent[] {
  const stamp: Stamp = { index: message.index ?? 0, term: message.term ?? 0, time: message.timeUnixMs ?? 0 };
  return (message.events ?? [])
    .map((event) => fromEvent(stamp, event))
    .filter((event): event is LedgerEvent => event !== undefined);
}
