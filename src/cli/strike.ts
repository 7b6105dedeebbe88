import { errorMessage, type Logger } from '../core/index.ts';
import type { Cluster } from '../node/index.ts';
import { chooseSpot, type Fault } from './chaos.ts';
import { formatMs } from './progress.ts';
import type { TimelineRecorder } from './timeline.ts';

/** The notice that a preempted machine gets, ms. */
const NOTICE_MS = 15_000;

/**
 * Does a fault to a running cluster and puts it on the timeline. A fault that can't be done is told, and the job goes on.
 *
 * @param say tells a person
 */
export async function strike(
  fault: Fault,
  cluster: Cluster,
  timeline: TimelineRecorder,
  say: (text: string) => void,
  logger: Logger,
): Promise<void> {
  try {
    const { leader, view } = await cluster.status();
    if (fault === 'preempt') {
      const spot = chooseSpot(view.nodes);
      if (spot === undefined) return say('chaos: no spot worker is up, so none is preempted');
      say(`chaos: ${spot.node} gets a preemption notice of ${formatMs(NOTICE_MS)}`);
      timeline.fault(fault, spot.node, leader?.term ?? 0);
      await cluster.node(spot.node).preempt(NOTICE_MS);
    } else {
      if (leader === undefined) return say('chaos: nobody leads, so no leader is killed');
      say(`chaos: ${leader.node}, the leader, is killed`);
      timeline.fault(fault, leader.node, leader.term);
      cluster.node(leader.node).signal('SIGKILL');
    }
    logger.info('chaos', { fault });
  } catch (error) {
    say(`chaos: ${fault} failed: ${errorMessage(error)}`);
    logger.warn('chaos failed', { fault, error });
  }
}
