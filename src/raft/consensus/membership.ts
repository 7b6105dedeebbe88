import { type NodeId, TroupeError } from '../../core/index.ts';
import { membersOf } from './quorum.ts';
import type { Configuration } from './types.ts';

/** What is to become of some members; whoever isn't named stays what it is. */
export interface MembershipChange {
  /** Become voters: learners that are promoted. A newcomer must be a learner first; see `Leader.change`. */
  readonly voters?: readonly NodeId[];
  /** Become learners: newcomers, or voters that are demoted. */
  readonly learners?: readonly NodeId[];
  /** Leave. */
  readonly remove?: readonly NodeId[];
}

function refuse(message: string): never {
  throw new TroupeError('INVALID_ARGUMENT', message);
}

interface Target {
  readonly voters: readonly NodeId[];
  readonly learners: readonly NodeId[];
}

function target(configuration: Configuration, change: MembershipChange): Target {
  const { voters = [], learners = [], remove = [] } = change;
  if (configuration.votersOutgoing !== undefined) refuse('the configuration is joint; it must be left first');
  const named = [...voters, ...learners, ...remove];
  if (named.length === 0) refuse('the change names nobody');
  if (new Set(named).size < named.length) refuse('the change names a member twice');
  const members = membersOf(configuration);
  for (const id of remove) if (!members.includes(id)) refuse(`${id} is not a member and can't be removed`);
  const stays = (id: NodeId): boolean => !named.includes(id);
  const next = {
    voters: [...configuration.voters.filter(stays), ...voters],
    learners: [...(configuration.learners ?? []).filter(stays), ...learners],
  };
  if (next.voters.length === 0) refuse('a group must keep a voter');
  return next;
}

function build(
  voters: readonly NodeId[],
  learners: readonly NodeId[],
  outgoing?: readonly NodeId[],
  learnersNext: readonly NodeId[] = [],
): Configuration {
  return {
    voters,
    ...(outgoing === undefined ? {} : { votersOutgoing: outgoing }),
    ...(learners.length === 0 ? {} : { learners }),
    ...(learnersNext.length === 0 ? {} : { learnersNext }),
  };
}

/** Whether a change touches at most one voter, so that old and new majorities always overlap (dissertation, 4.1). */
export function isSimple(configuration: Configuration, change: MembershipChange): boolean {
  const { voters } = target(configuration, change);
  const left = configuration.voters.filter((id) => !voters.includes(id)).length;
  const came = voters.filter((id) => !configuration.voters.includes(id)).length;
  return left + came <= 1;
}

/**
 * The configuration after a change of at most one voter, taken in one step.
 *
 * @throws TroupeError INVALID_ARGUMENT when the change makes no sense, the configuration is joint, or two voters change
 */
export function simple(configuration: Configuration, change: MembershipChange): Configuration {
  if (!isSimple(configuration, change)) refuse('more than one voter changes; that takes a joint configuration');
  const { voters, learners } = target(configuration, change);
  return build(voters, learners);
}

/**
 * The joint configuration that leads to any change: both the old and the new voters must agree until it is left. A voter that
 * is demoted votes in the old set until then, so it waits in `learnersNext`: nobody is a voter and a learner at once.
 *
 * @throws TroupeError INVALID_ARGUMENT when the change makes no sense or the configuration is joint already
 */
export function enterJoint(configuration: Configuration, change: MembershipChange): Configuration {
  const { voters, learners } = target(configuration, change);
  const outgoing = configuration.voters;
  const demoted = (id: NodeId): boolean => outgoing.includes(id);
  return build(
    voters,
    learners.filter((id) => !demoted(id)),
    outgoing,
    learners.filter(demoted),
  );
}

/**
 * The configuration that a joint one leads to.
 *
 * @throws TroupeError INVALID_ARGUMENT when it isn't joint
 */
export function leaveJoint(configuration: Configuration): Configuration {
  const { voters, votersOutgoing, learners = [], learnersNext = [] } = configuration;
  if (votersOutgoing === undefined) refuse('the configuration is not joint');
  return build(voters, [...learners, ...learnersNext]);
}

/** Why this can't be a configuration; undefined when it can. */
export function flawOf(configuration: Configuration): string | undefined {
  const { voters, votersOutgoing, learners = [], learnersNext = [] } = configuration;
  const sets = [voters, votersOutgoing ?? [], learners, learnersNext];
  if (sets.some((set) => new Set(set).size < set.length)) return 'a member is listed twice';
  if (voters.length === 0 || votersOutgoing?.length === 0) return 'a set of voters is empty';
  const votes = (id: NodeId): boolean => voters.includes(id) || (votersOutgoing?.includes(id) ?? false);
  if (learners.some(votes)) return 'a learner is a voter too';
  const leaves = (id: NodeId): boolean => !voters.includes(id) && (votersOutgoing?.includes(id) ?? false);
  return learnersNext.every(leaves) ? undefined : 'a learner to be is no outgoing voter';
}

/** The data of a `config` entry: the whole configuration that holds once the entry is applied. */
export function encodeConfiguration(configuration: Configuration): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(configuration));
}

/**
 * The configuration in a `config` entry.
 *
 * @throws TroupeError LOG_CORRUPT when the data isn't one
 */
export function decodeConfiguration(data: Uint8Array): Configuration {
  let read: Configuration;
  let flaw: string | undefined;
  try {
    const { voters, votersOutgoing, learners, learnersNext }: Configuration = JSON.parse(
      new TextDecoder().decode(data),
    );
    read = build(voters, learners ?? [], votersOutgoing, learnersNext);
    flaw = flawOf(read);
  } catch (cause) {
    throw new TroupeError('LOG_CORRUPT', 'a config entry holds no configuration', { cause });
  }
  if (flaw !== undefined) throw new TroupeError('LOG_CORRUPT', `a config entry holds no configuration: ${flaw}`);
  return read;
}
