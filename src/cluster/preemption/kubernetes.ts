import { readFileSync } from 'node:fs';
import { type Clock, errorMessage, type Random, TroupeError } from '../../core/index.ts';
import { Metadata, type MetadataFetch } from './metadata.ts';
import { fields, fieldsOf, itemsOf, word } from './parse.ts';
import { pollSource } from './poll.ts';
import { signalSource } from './signal.ts';
import type { Notice, PreemptionSource } from './source.ts';

/** Where the API server is, seen from a pod. */
export const KUBERNETES_ADDRESS = 'https://kubernetes.default.svc';
/** Where a pod finds what it proves itself with. */
export const KUBERNETES_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
/** How often the node's taints are looked at, ms. */
const POLL_MS = 5_000;

/** Taints by which autoscalers and termination handlers say that a node will go. */
const TAINTS: readonly string[] = [
  'karpenter.sh/disrupted',
  'karpenter.sh/disruption',
  'ToBeDeletedByClusterAutoscaler',
  'cloud.google.com/impending-node-termination',
  'node.cloudprovider.kubernetes.io/shutdown',
];
/** So begin those of AWS's termination handler, one for each kind of event. */
const TAINT_PREFIX = 'aws-node-termination-handler/';

/** What a pod knows of where it runs. */
export interface KubernetesOptions {
  /** The pod's `terminationGracePeriodSeconds`, ms. */
  readonly graceMs: number;
  /** Name of the Kubernetes node, to watch its taints: `spec.nodeName` by the downward API. Needs the right to `get` nodes. */
  readonly nodeName?: string | undefined;
  /** Without a path; `KUBERNETES_ADDRESS` unless it is tested. */
  readonly address: string;
  /** Folder with `token` and `ca.crt`; `KUBERNETES_ACCOUNT` unless it is tested. */
  readonly account: string;
}

/** SIGTERM with the pod's grace period as a final notice; taints of its node as advisory ones. */
export function kubernetesSources(
  options: KubernetesOptions,
  clock: Clock,
  random: Random,
  fetch: MetadataFetch,
): PreemptionSource[] {
  const { graceMs, nodeName, address, account } = options;
  const sources = [{ ...signalSource(graceMs), name: 'kubernetes signal' }];
  if (nodeName === undefined) return sources;
  const metadata = new Metadata(address, clock, fetch);
  const look = async (signal: AbortSignal): Promise<readonly Notice[]> => {
    // Tokens are replaced within the hour, so each look reads them.
    const headers = { accept: 'application/json', authorization: `Bearer ${read(`${account}/token`).trim()}` };
    const path = `/api/v1/nodes/${encodeURIComponent(nodeName)}`;
    const ca = address.startsWith('https:') ? { ca: read(`${account}/ca.crt`) } : {};
    return parseTaints((await metadata.ask({ method: 'GET', path, headers, ...ca }, signal)).body);
  };
  return [...sources, pollSource({ name: 'kubernetes taints', everyMs: POLL_MS, look }, clock, random)];
}

/** The taints of a Kubernetes node that say it will go. @throws TroupeError PROTOCOL_VIOLATION */
export function parseTaints(body: string): readonly Notice[] {
  const { taints = [] } = fieldsOf(fields(body).spec);
  return itemsOf(taints)
    .map((taint) => word(fieldsOf(taint).key, 'key of a taint'))
    .filter((key) => TAINTS.includes(key) || key.startsWith(TAINT_PREFIX))
    .map((key) => ({ id: key, kind: 'advisory', reason: `taint: ${key}` }));
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new TroupeError('NODE_UNAVAILABLE', `the service account can't be read: ${errorMessage(error)}`, {
      address: path,
    });
  }
}
