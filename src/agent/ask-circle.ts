import { answererOf, numberAt, type Peers } from '../cluster/index.ts';
import { agentAddressKey, nodeRefKey, TroupeError } from '../core/index.ts';
import type { Envelope } from '../remote/index.ts';
import { OpenAsk } from './open-asks.ts';
import type { Resident } from './resident.ts';

/**
 * Why an ask is refused at once: the turn of the agent that is asked waits, by way of the asks above, for the turn that asks, and
 * nothing else is served before it is over. An ask counts as awaited while the turn that made it runs.
 *
 * @returns undefined when there is no such circle
 */
export function askCircle(peers: Peers, { address, running }: Resident, envelope: Envelope): TroupeError | undefined {
  const { kind, from, correlation, askers = [] } = envelope;
  if (running === undefined || kind !== 'ask') return undefined;
  const self = nodeRefKey(peers.self);
  const isOwn = (number: number | undefined): boolean => {
    const waiter = number === undefined ? undefined : peers.waiter(number);
    return waiter instanceof OpenAsk && waiter.asker === running;
  };
  const at = askers.findIndex((above) => isOwn(numberAt(self, above)));
  if (at < 0 && !(from === self && isOwn(correlation))) return undefined;
  const agent = agentAddressKey(address);
  const between = at < 0 ? [] : askers.slice(at).map(answererOf);
  const cycle = [agent, ...between, agent].join(' > ');
  return new TroupeError('ASK_CYCLE', `agents wait for each other: ${cycle}`, { address: agent, data: { cycle } });
}
