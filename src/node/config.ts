import { existsSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { z } from 'zod';
import { RESIDENCY_LIMITS } from '../agent/index.ts';
import { errorMessage, TroupeError } from '../core/index.ts';
import { autoscaleSchema, poolProblems, workerOf } from './autoscale-config.ts';
import { type CoordinatorConfig, completeCoordinator, coordinator } from './coordinator-config.ts';
import { completeJournals, type JournalsConfig, journals } from './journal-config.ts';
import { preemption } from './preemption-config.ts';
import { clusterTls, completeClusterTls, completeNodeTls, nodeTls } from './tls-config.ts';

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\]):\d+$/;
export const CLUSTER_NAME: RegExp = /^[a-z][a-z0-9-]{0,31}$/;
export const NODE_ID: RegExp = /^[a-z][a-z0-9.-]{0,62}$/;

const address = z
  .string()
  .regex(/^.+:\d{1,5}$/, { error: 'must be "host:port"; port 0 lets the system choose', abort: true })
  .refine((text) => Number(text.slice(text.lastIndexOf(':') + 1)) <= 65_535, 'port must be 0 to 65535')
  .default('127.0.0.1:0');

const node = z.strictObject({
  id: z.string().regex(NODE_ID, `must match ${NODE_ID}`),
  voter: z.boolean().default(false),
  labels: z.record(z.string(), z.string()).default({}),
  /** Capacity: its part of the shards, against those of other nodes; 0 takes none. Sensible: its cores, or its memory in GiB. */
  weight: z.number().min(0).max(1_000).default(1),
  listen: z.strictObject({ control: address, data: address, api: address }).prefault({}),
  /** Where notices of preemption come from. Without `signal` or `kubernetes` SIGTERM closes the node instead of draining it. */
  preemption: z.array(preemption).default([{ kind: 'file' }, { kind: 'signal', graceMs: 30_000 }]),
  /** Worker threads at a time, for agents with `isolation: 'thread'`; default 8. */
  threadsMax: z.number().int().min(1).max(1_000).optional(),
  /** Agents in memory. At the limit those that have been idle for longest leave; when all are busy, newcomers are refused. */
  residentsMax: z.number().int().min(1).max(10_000_000).default(RESIDENCY_LIMITS.residentsMax),
  /** State of durable agents in memory, as encoded, bytes; as objects it takes several times that. Sensible: an eighth of the heap. */
  residentBytesMax: z.number().int().min(1_048_576).default(RESIDENCY_LIMITS.residentBytesMax),
  /** What messages carry that wait for agents, or run, bytes; further ones are refused. */
  waitingBytesMax: z.number().int().min(1_048_576).default(RESIDENCY_LIMITS.waitingBytesMax),
  /** Says in so many words that this node may listen beyond loopback without TLS. */
  insecure: z.boolean().default(false),
  /** Files of this node alone, where they don't lie in the cluster's `tls.dir`. */
  tls: nodeTls.optional(),
});

const timing = z.strictObject({
  /** Period of keep-alives, ms. */
  keepAliveMs: z.number().int().min(20).max(10_000).default(150),
  /** Silence after which a node is given up, ms. Sensible: 5 to 10 keep-alives. */
  downAfterMs: z.number().int().min(200).max(120_000).default(1_200),
  /** Raft's unit of time, ms. Heartbeats go out every tick. */
  raftTickMs: z.number().int().min(5).max(1_000).default(50),
  /** Ticks without a leader before an election; the time-out is drawn from this to twice this. */
  electionTicks: z.number().int().min(3).max(100).default(6),
  /** Longest that each phase of a shutdown may take, ms. */
  shutdownPhaseMs: z.number().int().min(100).max(600_000).default(5_000),
});

const schema = z.strictObject({
  name: z.string().regex(CLUSTER_NAME, `must match ${CLUSTER_NAME}`),
  /** Folder for logs, journals and addresses; relative to the configuration file. */
  dataDir: z.string().min(1).default('.troupe'),
  /** Modules that export agent kinds; each node loads them. Relative to the configuration file. */
  agents: z.array(z.union([z.string().min(1), z.instanceof(URL)])).default([]),
  nodes: z.array(node).min(1, 'needs at least one node'),
  /** Pools of workers that grow and shrink with their load. */
  autoscale: autoscaleSchema(node.omit({ id: true, voter: true }).prefault({})).optional(),
  coordinator,
  journals,
  /** Mutual TLS between nodes, and TLS for clients. Without it ports stay on loopback, in clear. */
  tls: clusterTls.optional(),
  timing: timing.prefault({}),
});

/** What a user writes: everything but names has a default. */
export type ClusterConfigInput = z.input<typeof schema>;
/** A configuration that has been checked, with defaults filled in and paths made absolute. */
export type ClusterConfig = Omit<z.output<typeof schema>, 'agents' | 'coordinator' | 'journals'> & {
  readonly agents: readonly string[];
  readonly coordinator: CoordinatorConfig;
  readonly journals: JournalsConfig;
};
/** One node of it. */
export type NodeConfig = ClusterConfig['nodes'][number];

/** One thing wrong with a configuration. */
export interface ConfigProblem {
  /** E.g. `nodes[2].labels.capacity`. */
  readonly path: string;
  /** What is wrong and how to mend it. */
  readonly message: string;
}

/** Declares a cluster; for editors and types. It is checked when it is used. */
export function defineCluster(config: ClusterConfigInput): ClusterConfigInput {
  return config;
}

/**
 * Checks a configuration once; all problems are reported together.
 *
 * @param baseDir folder that relative paths start from
 * @throws TroupeError INVALID_CONFIGURATION, one line per problem
 */
export function checkConfig(input: unknown, baseDir: string): ClusterConfig {
  const parsed = schema.safeParse(input);
  // Rules across fields are checked on what is there, so that one mistake doesn't hide another.
  const problems: ConfigProblem[] = parsed.success
    ? []
    : parsed.error.issues.map((issue) => ({ path: pathText(issue.path), message: describe(issue) }));
  problems.push(...crossChecks(parsed.success ? parsed.data : input, baseDir));
  if (!parsed.success || problems.length > 0) throw invalid(problems);
  const agents = parsed.data.agents.map((module) => moduleUrl(module, baseDir));
  const dataDir = isAbsolute(parsed.data.dataDir) ? parsed.data.dataDir : resolve(baseDir, parsed.data.dataDir);
  const { name, coordinator, tls } = parsed.data;
  const nodes = parsed.data.nodes.map((node) => {
    const files = completeNodeTls(node.tls, tls, node.id, baseDir);
    return files === undefined ? node : { ...node, tls: files };
  });
  return {
    ...parsed.data,
    nodes,
    ...(tls === undefined ? {} : { tls: completeClusterTls(tls, baseDir) }),
    agents,
    dataDir,
    coordinator: completeCoordinator(coordinator, name, baseDir),
    journals: completeJournals(parsed.data.journals, name),
  };
}

/**
 * Loads `cluster.config.ts` (or any module with a default export) and checks it.
 * @throws TroupeError INVALID_CONFIGURATION, NOT_FOUND
 */
export async function loadConfig(path: string): Promise<ClusterConfig> {
  const file = resolve(path);
  if (!existsSync(file)) {
    throw new TroupeError(
      'NOT_FOUND',
      `there is no configuration file ${file}; write one with defineCluster, or name it with --config`,
      { address: file },
    );
  }
  let loaded: { readonly default?: unknown };
  try {
    loaded = (await import(pathToFileURL(file).href)) as typeof loaded;
  } catch (error) {
    throw new TroupeError('INVALID_CONFIGURATION', `${file} can't be loaded: ${errorMessage(error)}`, {
      address: file,
      cause: error,
    });
  }
  if (loaded.default === undefined) {
    throw new TroupeError(
      'INVALID_CONFIGURATION',
      `${file} has no default export; write: export default defineCluster({ … })`,
      { address: file },
    );
  }
  return checkConfig(loaded.default, dirname(file));
}

/**
 * The configuration with the node of that id: one of a pool is added to its nodes.
 * @throws TroupeError NOT_FOUND, as `nodeOf`
 */
export function withNode(config: ClusterConfig, id: string): ClusterConfig {
  const worker = config.nodes.some((node) => node.id === id) ? undefined : workerOf(config.autoscale?.pools ?? [], id);
  if (worker === undefined) return nodeOf(config, id) && config;
  const tls = completeNodeTls(worker.tls, config.tls, id, process.cwd());
  return { ...config, nodes: [...config.nodes, tls === undefined ? worker : { ...worker, tls }] };
}

/**
 * The node of that id.
 * @throws TroupeError NOT_FOUND, naming the ids there are
 */
export function nodeOf(config: ClusterConfig, id: string): NodeConfig {
  const node = config.nodes.find((candidate) => candidate.id === id);
  if (node !== undefined) return node;
  const known = config.nodes.map((candidate) => candidate.id).join(', ');
  throw new TroupeError('NOT_FOUND', `the configuration has no node "${id}"; it has ${known}`, { address: id });
}

interface Loose {
  readonly nodes?: unknown;
  readonly tls?: unknown;
  readonly timing?: unknown;
  readonly agents?: unknown;
  readonly autoscale?: unknown;
}

/** Rules that the schema can't state, on whatever there is of a configuration. */
function crossChecks(input: unknown, baseDir: string): ConfigProblem[] {
  const loose = (typeof input === 'object' && input !== null ? input : {}) as Loose;
  const nodes: readonly unknown[] = Array.isArray(loose.nodes) ? loose.nodes : [];
  return [
    ...nodeProblems(nodes, hasFolder(loose.tls)),
    ...poolProblems(
      loose.autoscale,
      nodes.map((each) => (each as Partial<NodeConfig> | null)?.id),
    ),
    ...timingProblems(loose.timing),
    ...agentProblems(Array.isArray(loose.agents) ? loose.agents : [], baseDir),
  ];
}

function hasFolder(tls: unknown): boolean {
  return typeof tls === 'object' && tls !== null && 'dir' in tls && tls.dir !== undefined;
}

/** @param secured whether every node has its certificate in the cluster's folder */
function nodeProblems(nodes: readonly unknown[], secured: boolean): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const list = nodes.map((item) => (typeof item === 'object' && item !== null ? item : {}) as Partial<NodeConfig>);
  const seen = new Map<string, number>();
  const some = secured || list.some(({ tls }) => tls !== undefined);
  for (const [i, { id, voter, labels, listen, insecure, tls }] of list.entries()) {
    const first = typeof id === 'string' ? seen.get(id) : undefined;
    if (first !== undefined) {
      const message = `"${id}" is the id of nodes[${first}] too; give each node its own`;
      problems.push({ path: `nodes[${i}].id`, message });
    } else if (typeof id === 'string') seen.set(id, i);
    if (voter === true && labels?.capacity === 'spot') {
      const message = 'a voter may not sit on spot capacity; make it on-demand, or no voter';
      problems.push({ path: `nodes[${i}].voter`, message });
    }
    if (some && !secured && tls === undefined) {
      const message = 'must be set, as other nodes have TLS and would refuse this one; or set tls.dir for all';
      problems.push({ path: `nodes[${i}].tls`, message });
    }
    if (some || insecure === true || typeof listen !== 'object' || listen === null) continue;
    for (const [port, where] of Object.entries(listen)) {
      if (LOOPBACK.test(where) || !address.safeParse(where).success) continue;
      const message = `"${where}" is beyond loopback and has no TLS; run troupe certs and set tls: { dir: 'certs' }, listen on 127.0.0.1, or write insecure: true`;
      problems.push({ path: `nodes[${i}].listen.${port}`, message });
    }
  }
  if (list.length > 0 && !list.some(({ voter }) => voter === true)) {
    problems.push({ path: 'nodes', message: 'no node votes; set voter: true on one, three or five on-demand nodes' });
  }
  return problems;
}

function timingProblems(input: unknown): ConfigProblem[] {
  const { data } = timing.prefault({}).safeParse(input);
  if (data === undefined || data.downAfterMs >= 3 * data.keepAliveMs) return [];
  const message = `must be at least three keep-alives (${3 * data.keepAliveMs} ms), or one lost packet costs a node`;
  return [{ path: 'timing.downAfterMs', message }];
}

function agentProblems(modules: readonly unknown[], baseDir: string): ConfigProblem[] {
  return modules.flatMap((module, i) => {
    if (!(module instanceof URL) && (typeof module !== 'string' || module === '')) return [];
    const url = moduleUrl(module, baseDir);
    if (!url.startsWith('file:') || existsSync(fileURLToPath(url))) return [];
    const message = `there is no file ${fileURLToPath(url)}; give a path relative to ${baseDir}`;
    return [{ path: `agents[${i}]`, message }];
  });
}

function invalid(problems: readonly ConfigProblem[]): TroupeError {
  const lines = problems.map(
    (problem) => `  ${problem.path === '' ? 'configuration' : problem.path}: ${problem.message}`,
  );
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return new TroupeError('INVALID_CONFIGURATION', `the configuration has ${count}:\n${lines.join('\n')}`);
}

function describe(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys')
    return `${issue.keys.map((key) => `"${key}"`).join(', ')} is not known here; remove it or mend its spelling`;
  return issue.message;
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}

function moduleUrl(module: string | URL, baseDir: string): string {
  if (module instanceof URL) return module.href;
  if (/^[a-z]+:/.test(module)) return module;
  return pathToFileURL(resolve(baseDir, module)).href;
}
