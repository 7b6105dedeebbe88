import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { fetchMetadata, leastLoaded, Metadata, type MetadataFetch, type ScaleExecutor } from '../cluster/index.ts';
import { type Clock, errorMessage, TroupeError } from '../core/index.ts';

/** How often the count is read when nothing is changed, ms: the API server has others to serve. */
export const RECOUNT_MS = 10_000;
/**
 * Deletion costs count the seconds from here on, below 0, ms since 1970: one who was marked later goes before one who was marked earlier and
 * was wanted after all, and both before all that nobody marked, whose cost is 0. A cost has 32 bits, which lasts 68 years.
 */
const MARKS_SINCE_MS = Date.UTC(2020, 0, 1);

/** Which pods, and how to reach the API server. */
export interface KubernetesScale {
  readonly resource: 'statefulset' | 'deployment';
  /** Of the StatefulSet or Deployment. */
  readonly name: string;
  readonly namespace?: string | undefined;
  readonly firstOrdinal: number;
  /** `https://host:port` */
  readonly address: string;
  /** Folder with `token`, `ca.crt` and `namespace`. */
  readonly account: string;
}

/** `autoscaling/v1` Scale, as far as it is read; all of it is sent back. */
const scaleShape = z.looseObject({
  kind: z.literal('Scale'),
  metadata: z.looseObject({ resourceVersion: z.string().min(1) }),
  spec: z.looseObject({ replicas: z.number().int().min(0).default(0) }),
});
type Scale = z.output<typeof scaleShape>;

/**
 * Scales a StatefulSet or Deployment by the `scale` subresource, as the pod's service account: it needs `get` and `update` of
 * `statefulsets/scale` or `deployments/scale`, and for a Deployment `patch` of `pods`. A StatefulSet takes its highest ordinal away; a
 * Deployment the pod with the lowest `controller.kubernetes.io/pod-deletion-cost`.
 */
export function kubernetesExecutor(
  options: KubernetesScale,
  clock: Clock,
  fetch: MetadataFetch = fetchMetadata,
): ScaleExecutor {
  const { resource, name, firstOrdinal, address, account } = options;
  const server = new Metadata(address, clock, fetch);
  let known: { readonly replicas: number; readonly atMs: number } | undefined;
  const namespace = (): string => options.namespace ?? read(`${account}/namespace`).trim();
  const path = (): string => `/apis/apps/v1/namespaces/${namespace()}/${resource}s/${name}/scale`;

  const ask = async (
    method: 'GET' | 'PUT' | 'PATCH',
    where: string,
    signal: AbortSignal,
    send?: { readonly type: string; readonly body: unknown },
  ): Promise<string> => {
    // Tokens are replaced within the hour, so each request reads them.
    const headers = {
      accept: 'application/json',
      authorization: `Bearer ${read(`${account}/token`).trim()}`,
      ...(send === undefined ? {} : { 'content-type': send.type }),
    };
    const body = send === undefined ? {} : { body: JSON.stringify(send.body) };
    const ca = address.startsWith('https:') ? { ca: read(`${account}/ca.crt`) } : {};
    const { status, body: text } = await server.ask({ method, path: where, headers, ...body, ...ca }, signal, REFUSALS);
    if (status >= 400) throw refusal(status, `${method} ${where}`, text);
    return text;
  };

  return {
    count: async (signal) => {
      if (known === undefined || clock.monotonic() - known.atMs >= RECOUNT_MS) {
        const { spec } = parse(await ask('GET', path(), signal));
        known = { replicas: spec.replicas, atMs: clock.monotonic() };
      }
      return known.replicas;
    },
    leaver: (workers, count) =>
      resource === 'deployment'
        ? // A pod that isn't up, or not ready, goes before all others.
          leastLoaded(workers.length < count ? [] : workers)
        : workers.find(({ node }) => node.node === `${name}-${firstOrdinal + count - 1}`)?.node,
    ...(resource === 'deployment' && {
      choose: async ({ node }, signal) => {
        const cost = -Math.max(1, Math.floor((clock.now() - MARKS_SINCE_MS) / 1_000));
        const annotations = { 'controller.kubernetes.io/pod-deletion-cost': `${cost}` };
        const body = { metadata: { annotations } };
        await ask('PATCH', `/api/v1/namespaces/${namespace()}/pods/${node}`, signal, {
          type: 'application/merge-patch+json',
          body,
        });
      },
    }),
    resize: async (replicas, signal) => {
      // What was decided stands on the count that was known: another one, also one that is set in this moment, is heard first.
      const before = known?.replicas;
      known = undefined;
      const now = parse(await ask('GET', path(), signal));
      if (now.spec.replicas === replicas) return;
      if (before !== undefined && now.spec.replicas !== before) throw refusal(409, `GET ${path()}`, '');
      const body = { ...now, spec: { ...now.spec, replicas } };
      parse(await ask('PUT', path(), signal, { type: 'application/json', body }));
    },
  };
}

const REFUSALS: readonly number[] = [401, 403, 404, 409];
const REASONS: Readonly<Record<number, string>> = {
  401: 'the token of the service account is not accepted',
  403: 'the service account has no right to do that',
  404: 'it is not there',
  409: 'somebody else changed it meanwhile',
};

/** The API server says why as a `Status`, whose message is for people. */
function refusal(status: number, what: string, text: string): TroupeError {
  const said = z.looseObject({ message: z.string() }).safeParse(tryJson(text)).data?.message.slice(0, 200);
  const message = `${what}: ${REASONS[status]}${said === undefined ? '' : ` (${said})`}`;
  return new TroupeError(status === 409 ? 'CONFLICT' : 'PROTOCOL_VIOLATION', message);
}

function parse(text: string): Scale {
  const { data } = scaleShape.safeParse(tryJson(text));
  if (data !== undefined) return data;
  throw new TroupeError('PROTOCOL_VIOLATION', 'the API server answered with something that is no Scale');
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // No JSON is no Scale and no Status either.
    return undefined;
  }
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
