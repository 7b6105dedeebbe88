import type { FigureSpec } from '../report.ts';

/** Everything that `bench -- kernel` measures; each is a part of its own. */
export const FIGURES: readonly FigureSpec[] = [
  rate('tell', 'messages from one sender to one actor', 1),
  rate('pingpong', 'messages that two actors send each other, one at a time', 1.8),
  rate('ask', 'asks, one at a time', 1.2),
  rate('ask1000', 'asks, 1,000 in flight', 1.2),
  rate('spawn', 'actors started, until each has begun', 1),
  rate('fanout', 'messages from one sender to 1,000 actors in turn', 1),
  {
    name: 'heapPerActor',
    unit: 'B',
    title: 'heap of an idle actor with its behaviour',
    goal: { atMost: 700 },
  },
  { name: 'heapPerActorUsed', unit: 'B', title: 'the same when it has handled a message' },
  { name: 'millionMb', unit: 'MB', title: 'resident memory with a million idle actors', goal: { atMost: 1_200 } },
  {
    name: 'timerLateMs',
    unit: 'ms',
    title: 'the latest of all timers, while a flood of messages goes on',
    goal: { atMost: 10 },
  },
  {
    name: 'machineStallMs',
    unit: 'ms',
    title: 'the longest that the machine kept a process waiting that only looked at the clock',
  },
  {
    name: 'manyChildren',
    unit: 'ratio',
    title: 'messages that a parent of 10,000 handles, starting a child for each, of those that one of none does',
    goal: { atLeast: 0.9 },
  },
];

function rate(name: string, title: string, atLeast: number): FigureSpec {
  return { name, unit: '/s', title, goal: { peer: 'erlang', atLeast } };
}
