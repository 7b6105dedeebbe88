import { Member } from './member.ts';
import { type RaftMemberOptions, settingsOf } from './options.ts';
import type { RaftMember } from './port.ts';

/**
 * Opens a member: brings the state machine up to the log's snapshot when it is behind it, and starts to tick.
 *
 * @throws TroupeError LOG_CORRUPT when log and state machine can't belong together, SNAPSHOT_CORRUPT, INVALID_CONFIGURATION
 *
 * @example
 * const log = await openDiskLog({ disk: new FileDisk(path), clusterId, id });
 * const member = await openRaftMember({ id, clusterId, voters, log, transport, stateMachine, clock, random });
 * const { index, reply } = await member.propose(command);
 */
export async function openRaftMember(options: RaftMemberOptions): Promise<RaftMember> {
  const settings = settingsOf(options);
  const { log, stateMachine } = settings;
  const snapshot = log.snapshot();
  if (snapshot !== undefined && stateMachine.appliedIndex < log.firstIndex() - 1) {
    await stateMachine.restore(snapshot, log.readSnapshot(snapshot.index));
  }
  return new Member(settings, snapshot?.configuration ?? { voters: settings.voters });
}
