import type { NodeId, Random } from '../../core/index.ts';

/**
 * A member of Raft: a node and one directory of it, `node@directory`. A node whose disk was lost is another member, whose votes
 * and acknowledgements count for nothing until it is added.
 */
export type MemberId = string;

/** Base-32 characters of a directory's id: 80 bits, so that two are never the same. */
const DIRECTORY_ID_CHARS = 16;

/** The id of a new directory of a node. */
export function newMemberId(node: NodeId, random: Random): MemberId {
  return `${node}@${random.id(DIRECTORY_ID_CHARS)}`;
}

/** The node that a member is on; a node's id is its own. */
export function nodeOfMember(member: MemberId): NodeId {
  const at = member.indexOf('@');
  return at < 0 ? member : member.slice(0, at);
}
