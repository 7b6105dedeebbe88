import type { FigureSpec } from '../report.ts';
import { READERS, UNARY, WRITERS } from './throughput.ts';

const GOALS: Readonly<Record<string, FigureSpec['goal']>> = {
  writes64: { peer: 'etcd', atLeast: 2.5 },
  writes256: { peer: 'etcd', atLeast: 2.5 },
  p50Ms1: { peer: 'etcd', atMost: 1 },
  reads64: { peer: 'etcd', atLeast: 5 },
};

/** Everything that `bench -- raft` measures. */
export const FIGURES: readonly FigureSpec[] = [
  ...WRITERS.flatMap((clients) => writes(clients, '', '')),
  ...READERS.map((clients) => figure(`reads${clients}`, '/s', `linearizable reads, ${clients} clients`)),
  ...UNARY.flatMap((clients) => writes(clients, 'Unary', ', one unary call each')),
  figure('failoverMsP50', 'ms', 'SIGKILL of the leader to the next acknowledged write; ours: time-outs of 150-300 ms', {
    atMost: 400,
  }),
  figure('failoverMsP99', 'ms', 'the same, 99th percentile of all rounds', { atMost: 800 }),
  figure('failoverDefaultMsP50', 'ms', 'the same with our default time-outs'),
  figure('failoverDefaultMsP99', 'ms', 'the same, 99th percentile of all rounds'),
  figure('transferMs', 'ms', 'longest time without an acknowledged write around a planned transfer', { atMost: 50 }),
  figure('transferQuietMs', 'ms', 'longest such time in as much load without a transfer'),
  figure('transferRefused', 'writes', 'writes refused around all transfers', { atMost: 0 }),
  figure('lost', 'writes', 'acknowledged writes that were gone after kills and transfers', { atMost: 0 }),
  figure('residentMbGrowth', 'MiB', 'growth of a voter over a million writes, after 1.5 million to warm up', {
    atMost: 32,
  }),
  figure('residentMb', 'MiB', 'resident memory of the largest voter after them'),
  figure('laggardRateShare', 'ratio', 'writes while a voter catches up by snapshot, of those before and after', {
    atLeast: 0.9,
  }),
  figure('laggardCatchUpMs', 'ms', 'time that it takes'),
  figure('laggardRateShareHalf', 'ratio', 'the same at half that load, so that this machine has processor time left', {
    atLeast: 0.9,
  }),
  figure('laggardCatchUpMsHalf', 'ms', 'time that it takes then'),
  figure('laggardRateShareJoining', 'ratio', 'the same at full load by a node that was given up and also joins anew'),
  figure('laggardCatchUpMsJoining', 'ms', 'time that it takes then'),
  figure('clientUs64', 'us', 'processor time of the client for a write, 64 clients'),
  figure('leaderUs64', 'us', 'of the leader'),
  figure('leaderMainUs64', 'us', "of it, the main thread's"),
  figure('leaderControlUs64', 'us', "of it, the control thread's"),
  figure('followerUs64', 'us', 'of a follower'),
  figure('syncMs', 'ms', 'limit: write and fdatasync of one record, median'),
  figure('echoMs', 'ms', 'limit: unary gRPC call to a process that only answers, median, 1 client'),
  figure('echo64', '/s', 'limit: the same with 64 clients'),
  figure('echo256', '/s', 'limit: the same with 256 clients'),
];

function figure(name: string, unit: string, title: string, goal = GOALS[name]): FigureSpec {
  return { name, unit, title, ...(goal && { goal }) };
}

function writes(clients: number, suffix: string, how: string): FigureSpec[] {
  return [
    figure(`writes${clients}${suffix}`, '/s', `acknowledged writes, ${clients} clients${how}`),
    figure(`p50Ms${clients}${suffix}`, 'ms', 'their latency, median'),
    figure(`p99Ms${clients}${suffix}`, 'ms', 'and 99th percentile'),
  ];
}
