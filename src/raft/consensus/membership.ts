import { type NodeId, TroupeError } from '../../core/index.ts';
import { membersOf } from './quorum.ts';
import type { Configuration } from './types.ts';

/** What is to become of some members; whoever isn't named stays what it is. */
export interface MembershipChange {
  /** Become voters: newcomers, or learners that are promoted. */
  readonly voters?: readonly NodeId[];
  /** Become learners: newcomers, or voters that are demoted. */
  readonly learners?: readonly NodeId[];
  /** Leave. */
  readonly remove?: readonly NodeId[];
}

function refuse(message: string): never {
  throw new TroupeError('INVALID_ARGUMENT', message);
}

function target(configuration: Configuration, change: MembershipChange): { voters: NodeId[]; learners: NodeId[] } {
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

function build(voters: readonly NodeId[], learners: readonly NodeId[], outgoing?: readonly NodeId[]): Configuration {
  return {
    voters,
    ...(outgoing === undefined ? {} : { votersOutgoing: outgoing }),
    ...(learners.length === 0 ? {} : { learners }),
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
 * is demoted votes in the old set until then, and is in `learners` already.
 *
 * @throws TroupeError INVALID_ARGUMENT when the change makes no sense or the configuration is joint already
 */
export function enterJoint(configuration: Configuration, change: MembershipChange): Configuration {
  const { voters, learners } = target(configuration, change);
  return build(voters, learners, configuration.voters);
}

/**
 * The configuration that a joint one leads to.
 *
 * @throws TroupeError INVALID_ARGUMENT when it isn't joint
 */
export function leaveJoint(configuration: Configuration): Configuration {
  if (configuration.votersOutgoing === undefined) refuse('the configuration is not joint');
  return build(configuration.voters, configuration.learners ?? []);
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
  try {
    const { voters, votersOutgoing, learners }: Partial<Configuration> = JSON.parse(new TextDecoder().decode(data));
    if (voters === undefined) throw new TroupeError('LOG_CORRUPT', 'a configuration has no voters');
    return build(voters, learners ?? [], votersOutgoing);
  } catch (cause) {
    throw new TroupeError('LOG_CORRUPT', 'a config entry holds no configuration', { cause });
  }
}
