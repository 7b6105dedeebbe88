import { type NodeId, TroupeError } from '../../core/index.ts';
import { type MemberId, nodeOfMember } from './member-id.ts';

/**
 * How a cluster begins, once. Each configured voter makes a directory, whose random id makes it a member. When it knows the
 * member of every configured voter, it pledges, durably and once per directory, to found the cluster with exactly these. When it
 * knows that all of them have pledged the same, the cluster is formed: nobody can have formed with other founders.
 *
 * Why no crash or lost disk can make two clusters: founders need the pledge of each of their directories, so two different sets
 * of founders would need two different pledges of every directory that is in both. As long as one voter still has its directory,
 * that one is in both, and it pledges once. And a member that comes back without its disk is no founder: it is told so here, and
 * whatever it says counts for nothing, as its id is in nobody's configuration.
 *
 * A crash costs time only: ids and pledges are on the disk before anybody hears of them, so after it the same ids meet again. A
 * disk lost before the cluster was formed leaves pledges that can't be kept; nothing was stored yet, and people are told what to do.
 */
export type Standing =
  /** It has a directory, and doesn't know all the others yet. */
  | { readonly state: 'unformed'; readonly member: MemberId }
  /** It will found the cluster with these, sorted, or not at all. */
  | { readonly state: 'pledged'; readonly member: MemberId; readonly founders: readonly MemberId[] }
  /** The cluster exists; these are its members as far as the one who says so knows, learners included. */
  | { readonly state: 'formed'; readonly members: readonly MemberId[] }
  /** It takes no part, and knows no more. */
  | { readonly state: 'worker' };

/** What a node that hasn't formed says of itself. */
export type Founding = Extract<Standing, { readonly state: 'unformed' | 'pledged' }>;

/** What a node is to do next. */
export type FormationStep =
  /** Ask again: these haven't said what is needed. */
  | { readonly do: 'wait'; readonly missing: readonly NodeId[] }
  /** Make the pledge durable, then tell it. */
  | { readonly do: 'pledge'; readonly founders: readonly MemberId[] }
  /** Begin as a founder. */
  | { readonly do: 'form'; readonly founders: readonly MemberId[] }
  /** The cluster exists without this node: work, and vote when `troupe voters add` says so. */
  | { readonly do: 'work' }
  /** Stop: going on would be wrong. */
  | { readonly do: 'refuse'; readonly error: TroupeError };

/**
 * What follows from what is known. Pure.
 *
 * @param own what this node's disk says
 * @param voters the configured voters, this node among them
 * @param heard what the others said last
 */
export function formationStep(
  own: Founding,
  voters: readonly NodeId[],
  heard: ReadonlyMap<NodeId, Standing>,
): FormationStep {
  const self = nodeOfMember(own.member);
  for (const [from, standing] of heard) {
    const news = standing.state === 'formed' ? joining(own, standing.members) : contradiction(own, from, standing);
    if (news !== undefined) return news;
  }
  const others = voters.filter((voter) => voter !== self);
  const founders = [own.member];
  const missing = others.filter((voter) => {
    const standing = heard.get(voter);
    if (standing?.state !== 'unformed' && standing?.state !== 'pledged') return true;
    founders.push(standing.member);
    return own.state === 'pledged' && standing.state !== 'pledged';
  });
  if (missing.length > 0) return { do: 'wait', missing };
  return own.state === 'pledged'
    ? { do: 'form', founders: own.founders }
    : { do: 'pledge', founders: founders.toSorted() };
}

/**
 * Adds what was said of a node to what is known. What it says itself replaces; what others pass on only adds, as it may be old.
 *
 * @param direct whether the node said it itself
 */
export function hear(known: Map<NodeId, Standing>, of: NodeId, standing: Standing, direct: boolean): void {
  const before = known.get(of);
  const adds =
    before === undefined ||
    (before.state === 'unformed' && standing.state === 'pledged' && before.member === standing.member);
  // A pledge is for good: a word that was overtaken on its way doesn't take it back.
  const overtaken = before?.state === 'pledged' && standing.state === 'unformed' && before.member === standing.member;
  if (direct ? !overtaken : adds) known.set(of, standing);
}

/** The cluster exists: as a founder with this directory, without this node, or with a directory that it no longer has. */
function joining(own: Founding, members: readonly MemberId[]): FormationStep {
  const self = nodeOfMember(own.member);
  if (own.state === 'pledged' && members.includes(own.member)) return { do: 'form', founders: own.founders };
  if (!members.some((member) => nodeOfMember(member) === self)) return { do: 'work' };
  return { do: 'refuse', error: lostDirectory(self) };
}

/** What can't come to a good end any more, although nobody has formed. */
function contradiction(own: Founding, from: NodeId, standing: Standing): FormationStep | undefined {
  const pledges = [own, standing].filter((each) => each.state === 'pledged').map(({ founders }) => founders);
  const self = nodeOfMember(own.member);
  // Whoever is not meant to be a founder hears soon that the cluster is formed.
  if (pledges.some((founders) => !founders.map(nodeOfMember).includes(self))) return undefined;
  const [one = [], other = one] = pledges;
  const [ours, theirs] = [one, other].map((founders) => founders.map(nodeOfMember).join(' '));
  if (ours !== theirs) {
    const message = `${self} founds the cluster with ${ours}, but ${from} with ${theirs}; give all nodes the same voters`;
    return { do: 'refuse', error: new TroupeError('INVALID_CONFIGURATION', message, { address: from }) };
  }
  const present = [own, standing].flatMap((each) => ('member' in each ? [each.member] : []));
  const replaced = pledges.flatMap((founders) => {
    const nodes = founders.map(nodeOfMember);
    return [...present, ...one].filter((member) => nodes.includes(nodeOfMember(member)) && !founders.includes(member));
  })[0];
  if (replaced === undefined) return undefined;
  const node = nodeOfMember(replaced);
  const message = `the log directory of ${node} was replaced while the cluster was being formed; nothing is stored yet: stop all voters, remove their raft folders and start them again`;
  return { do: 'refuse', error: new TroupeError('IDENTITY_MISMATCH', message, { address: node }) };
}

/** The one line for a voter without its disk. */
export function lostDirectory(node: NodeId): TroupeError {
  const message = `the disk of ${node} is gone or was replaced, so it has forgotten what it voted for; run troupe voters remove ${node}, start it again, then troupe voters add ${node}`;
  return new TroupeError('IDENTITY_MISMATCH', message, { address: node });
}
