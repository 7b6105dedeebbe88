import type { Coordinator, NodeRecord, Relay } from '../coordinator/index.ts';
import { toWireError } from '../core/index.ts';
import type { RelayReply } from '../wire/generated/troupe/v1/RelayReply.ts';
import type { RelayRequest__Output } from '../wire/generated/troupe/v1/RelayRequest.ts';
import type { TroupeHandlers } from '../wire/generated/troupe/v1/Troupe.ts';
import { wireErrorToDetail } from '../wire/index.ts';
import type { Calls } from './calls.ts';
import type { LedgerFeed } from './ledger-feed.ts';
import { CALL_TIMEOUT_MS, VALUES_PER_PAGE } from './limits.ts';

/** What the methods about values stand on. */
export interface ValueParts {
  readonly node: string;
  readonly coordinator: Coordinator & Relay;
  readonly feed: LedgerFeed;
}

type ValueMethod = 'PutValue' | 'DeleteValue' | 'GetValue' | 'ListValues' | 'RelayValues';

/** The methods about values: one call each for plain clients, and the relay for clients that encode and retry themselves. */
export function valueHandlers(
  { node, coordinator, feed }: ValueParts,
  calls: Calls,
): Pick<TroupeHandlers, ValueMethod> {
  return {
    PutValue: calls.unary(({ key = '', value = NOTHING, expect }, context) =>
      coordinator.execute('kv.put', { key, value, ...condition(expect) }, context),
    ),

    DeleteValue: calls.unary(({ key = '', expect }, context) =>
      coordinator.execute('kv.delete', { key, ...condition(expect) }, context),
    ),

    GetValue: calls.unary(
      async ({ key = '', stale = false }, context) =>
        (await coordinator.query('kv.get', { key }, { ...context, stale })) ?? {},
    ),

    ListValues: calls.unary(async ({ prefix = '', after = '', limit, stale = false }, context) => {
      const request = { prefix, after, limit: limit || VALUES_PER_PAGE };
      const { values } = await coordinator.query('kv.list', request, { ...context, stale });
      return { values: [...values] };
    }),

    RelayValues: calls.duplex<RelayRequest__Output, RelayReply>((send, { signal }) => {
      const tell = (): void => send({ id: 0, leader: leaderElsewhere(node, coordinator, feed) });
      const stop = coordinator.onLeader(tell);
      signal.addEventListener('abort', stop, { once: true });
      tell();
      return (request) => relay(coordinator, request);
    }),
  };
}

async function relay(coordinator: Relay, request: RelayRequest__Output): Promise<RelayReply> {
  const { id = 0, call, timeoutMs, traceparent } = request;
  const kind = call === 'write' ? 'write' : 'read';
  try {
    const body = request[kind] ?? NOTHING;
    const result = await coordinator.relay(kind, body, timeoutMs || CALL_TIMEOUT_MS, traceparent || undefined);
    return { id, result };
  } catch (error) {
    return { id, error: wireErrorToDetail(toWireError(error)) };
  }
}

/** API address of the leader's node; empty when it is this one, or not known. */
function leaderElsewhere(node: string, { leader }: Coordinator, { view }: LedgerFeed): string {
  const gone = ({ state }: NodeRecord): boolean => state === 'down' || state === 'left';
  const record = leader && view.nodes.find((candidate) => candidate.node === leader.node && !gone(candidate));
  return record === undefined || record.node === node ? '' : record.addresses.api;
}

const NOTHING = new Uint8Array(0);

function condition(expect: number | undefined): { readonly expect?: number } {
  return expect === undefined ? {} : { expect };
}
