import type { VoterChange } from '../coordinator/index.ts';
import { TroupeError } from '../core/index.ts';

const MESSAGE = {
  add: 'VOTER_CHANGE_ADD',
  addLearner: 'VOTER_CHANGE_ADD_LEARNER',
  promote: 'VOTER_CHANGE_PROMOTE',
  remove: 'VOTER_CHANGE_REMOVE',
  lead: 'VOTER_CHANGE_LEAD',
} as const satisfies Record<VoterChange, string>;

/** A change of the voters as the API shows it. */
export function toVoterChange(change: VoterChange): (typeof MESSAGE)[VoterChange] {
  return MESSAGE[change];
}

/** The change behind `toVoterChange`. @throws TroupeError INVALID_ARGUMENT when there is none */
export function fromVoterChange(message: string | undefined): VoterChange {
  const found = (Object.keys(MESSAGE) as VoterChange[]).find((change) => MESSAGE[change] === message);
  if (found === undefined) throw new TroupeError('INVALID_ARGUMENT', 'change must say what becomes of the node');
  return found;
}
