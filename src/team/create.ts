import { type AnyAgent, type Host, VOTE_METHOD } from '../agent/index.ts';
import { type AgentAddress, agentAddressKey, TroupeError } from '../core/index.ts';
import { decide } from './decide.ts';
import { map } from './map.ts';
import type { Team, TeamOptions } from './team.ts';

/**
 * Makes a team.
 *
 * @param host where it acts: `ctx.host` in a turn, or a cluster
 * @param name names the members that are made from kinds: `<name>-1`, …
 * @throws TroupeError INVALID_ARGUMENT for a team of nobody, or with a member twice
 */
export function team(host: Host, name: string, options: TeamOptions): Team {
  const members = options.members.flatMap((member) => seats(name, member, options.size ?? 1));
  const names = members.map(agentAddressKey);
  if (members.length === 0)
    throw new TroupeError('INVALID_ARGUMENT', `team "${name}" has no members`, { address: name });
  if (new Set(names).size < names.length)
    throw new TroupeError('INVALID_ARGUMENT', `team "${name}" has a member twice`, { address: name });
  return {
    name,
    members,
    decide: (decision) => decide(host, members, decision, VOTE_METHOD),
    map: (items, spread) => map(host, items, spread),
  };
}

function seats(team: string, member: AnyAgent | AgentAddress, size: number): AgentAddress[] {
  if ('key' in member) return [{ kind: member.kind, key: member.key }];
  return Array.from({ length: size }, (_, i) => ({ kind: member.kind, key: `${team}-${i + 1}` }));
}
