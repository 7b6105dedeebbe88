import type { Reply, Seen } from '../cluster/preemption/cloud.ts';

/** What the service account has at first. */
export const TOKEN = 'first-token';

/** An API server with one scale subresource, in the published shapes. */
export class ApiServer {
  replicas = 3;
  version = 100;
  /** What is answered instead, while it is set. */
  misdeed: Reply | undefined;
  /** Called before a PUT is looked at. */
  beforePut: () => void = () => undefined;
  token: string = TOKEN;
  readonly annotated: string[] = [];

  readonly answer = (seen: Seen): Reply => {
    if (this.misdeed !== undefined) return this.misdeed;
    if (seen.headers.authorization !== `Bearer ${this.token}`) return status(401, 'Unauthorized', 'Unauthorized');
    if (seen.path.startsWith('/api/v1/namespaces/work/pods/')) return this.#annotate(seen);
    if (!seen.path.endsWith('/scale')) return status(404, 'NotFound', `"${seen.path}" not found`);
    if (seen.method === 'PUT') {
      this.beforePut();
      const { kind, apiVersion, metadata, spec } = JSON.parse(seen.body);
      if (kind !== 'Scale' || apiVersion !== 'autoscaling/v1' || metadata.name !== 'spot')
        return status(422, 'Invalid', 'no Scale');
      if (metadata.resourceVersion !== `${this.version}`)
        return status(409, 'Conflict', 'the object has been modified; please apply your changes to the latest version');
      this.replicas = spec.replicas ?? 0;
      this.version++;
    }
    return { status: 200, body: JSON.stringify(this.#scale()), headers: { 'content-type': 'application/json' } };
  };

  #scale(): unknown {
    return {
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      metadata: {
        name: 'spot',
        namespace: 'work',
        uid: '5e1c7a6e-0c3b-4f7e-9a44-3a8f6f0d9c11',
        resourceVersion: `${this.version}`,
        creationTimestamp: '2026-01-01T00:00:00Z',
      },
      // Zero is left out, as Go does.
      spec: this.replicas === 0 ? {} : { replicas: this.replicas },
      status: { replicas: this.replicas, selector: 'app=troupe,pool=spot' },
    };
  }

  #annotate({ method, path, body, headers }: Seen): Reply {
    if (method !== 'PATCH' || headers['content-type'] !== 'application/merge-patch+json')
      return status(415, 'UnsupportedMediaType', 'the body of the request was in an unknown format');
    const cost = JSON.parse(body).metadata.annotations['controller.kubernetes.io/pod-deletion-cost'];
    this.annotated.push(`${path.split('/').at(-1)} ${cost}`);
    return { status: 200, body: '{"kind":"Pod","apiVersion":"v1"}' };
  }
}

/** A refusal as the API server words it. */
export function status(code: number, reason: string, message: string): Reply {
  const body = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code };
  return { status: code, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
}
