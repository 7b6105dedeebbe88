import type { FigureSpec, Goal } from '../report.ts';
import type { Load } from './drive.ts';

/** What mTLS must leave of each figure. */
const TLS_AT_LEAST = 0.7;

/** One load, and the figures it gives. */
export interface LoadFigure {
  /** Name of the figure in clear, and with mTLS. */
  readonly name: string;
  readonly tlsName: string;
  readonly unit: string;
  readonly title: string;
  readonly goal: Goal | readonly Goal[];
  readonly load: Load;
  /** From messages a second to the unit. */
  readonly scale: number;
}

/** What the two processes do. */
export const LOADS: readonly LoadFigure[] = [
  {
    name: 'tell',
    tlsName: 'tlsTell',
    unit: '/s',
    title: 'messages of 100 B, one way',
    goal: [
      { peer: 'erlang', atLeast: 1.2 },
      { peer: 'grpc', atLeast: 0.6 },
    ],
    load: { kind: 'tell', bodyBytes: 100 },
    scale: 1,
  },
  {
    name: 'ask',
    tlsName: 'tlsAsk',
    unit: '/s',
    title: 'questions of 100 B that come back, one at a time',
    goal: { peer: 'grpc', atLeast: 0.85 },
    load: { kind: 'ask', bodyBytes: 100, inFlight: 1 },
    scale: 1,
  },
  {
    name: 'ask64',
    tlsName: 'tlsAsk64',
    unit: '/s',
    title: 'the same, 64 in flight',
    goal: { peer: 'erlang', atLeast: 1.3 },
    load: { kind: 'ask', bodyBytes: 100, inFlight: 64 },
    scale: 1,
  },
  {
    name: 'mbPerS10k',
    tlsName: 'tlsMbPerS10k',
    unit: 'MB/s',
    title: 'messages of 10 kB, one way',
    goal: { atLeast: 300 },
    load: { kind: 'tell', bodyBytes: 10_000 },
    scale: 10_000 / 1e6,
  },
];

/** How much a loaded lane may delay another, ms. */
const LATE_MS = 10;

const LATENESS: readonly FigureSpec[] = [
  ['controlLateMsP99', 'answers on the control lane later while the user lane is full'],
  ['systemLateMsP99', 'the same on the system lane'],
  ['bulkLateMsP99', 'answers of 100 B later while 100 MB move on the bulk lane'],
].map(([name = '', title = '']) => ({ name, unit: 'ms', title, goal: { atMost: LATE_MS } }));

/** Everything that `bench -- remote` measures. */
export const FIGURES: readonly FigureSpec[] = [
  ...LOADS.map(({ name, unit, title, goal }) => ({ name, unit, title, goal })),
  ...LOADS.map(({ name, tlsName, unit, title }) => ({
    name: tlsName,
    unit,
    title: `${title}, with mTLS`,
    goal: { figure: name, atLeast: TLS_AT_LEAST },
  })),
  ...LATENESS,
];
