import type { AnyAgent } from '../../../src/agent/index.ts';
import type { Logger, NodeId } from '../../../src/core/index.ts';
import type { ClusterConfig } from '../../../src/node/index.ts';
import type { Tally } from '../tally.ts';
import type { Trace } from '../trace.ts';
import type { World } from '../world.ts';
import type { Episodes } from './episodes.ts';
import type { Machine } from './machine.ts';
import type { StreamNetwork } from './network.ts';
import type { ClusterPlan } from './plan.ts';
import type { Tool } from './tool.ts';
import type { Watch } from './watch.ts';

/** What is wrong with a cluster: a promise that it broke. */
export class Broken extends Error {}

/** What all parts of a run share. */
export interface Surroundings {
  readonly seed: number;
  readonly plan: ClusterPlan;
  readonly config: ClusterConfig;
  readonly world: World;
  readonly network: StreamNetwork;
  readonly trace: Trace;
  readonly tally: Tally;
  readonly tool: Tool;
  readonly watch: Watch;
  readonly episodes: Episodes;
  readonly agents: readonly AnyAgent[];
  readonly machines: Map<NodeId, Machine>;
  /** Where control ports listen, as discovery outside the cluster says. */
  readonly addresses: Map<NodeId, string>;
  readonly logger: Logger;
  /** Something is wrong: the run ends. The first word counts. */
  report(what: string): void;
}
