import {
  type Clock,
  delay,
  errorMessage,
  type Logger,
  type NodeId,
  type Timer,
  TroupeError,
} from '../../core/index.ts';
import { decodeFrame, type WatchFrame } from '../frames.ts';
import type { ClientLimits } from '../limits.ts';

/** What an upstream needs of its surroundings. */
export interface UpstreamParts {
  /** Opens the watch of a voter. */
  readonly open: (voter: NodeId, signal: AbortSignal) => AsyncIterable<Uint8Array>;
  /** Voters in the order in which they are tried. Asked before each try. */
  readonly voters: () => readonly NodeId[];
  /** Fires when another voter is to be watched, at once. Asked before each try. */
  readonly moving: () => AbortSignal;
  /** None of them could be watched, each tried once. */
  readonly lost: () => void;
  readonly clock: Clock;
  readonly limits: ClientLimits;
  readonly logger: Logger;
  readonly hear: (frame: WatchFrame) => void;
}

/**
 * Keeps one watch open until `signal` fires: stays with its voter while that works and knows a leader, else goes on with the
 * next one, where it begins with a new view.
 */
export async function keepWatching(parts: UpstreamParts, signal: AbortSignal): Promise<void> {
  const { clock, limits, logger } = parts;
  /** Tries since one was heard. */
  let vain = 0;
  for (let turn = 0; !signal.aborted; turn++) {
    const moving = parts.moving();
    const voters = parts.voters();
    const voter = voters[turn % voters.length] as NodeId;
    vain++;
    const leaving = new AbortController();
    let leaderless: Timer | undefined;
    try {
      for await (const bytes of parts.open(voter, AbortSignal.any([signal, moving, leaving.signal]))) {
        vain = 0;
        const frame = decodeFrame(bytes);
        if (frame.type === 'leader') {
          leaderless?.cancel();
          // A voter that is cut off knows no leader and hears nothing: another may.
          leaderless =
            frame.leader === undefined && voters.length > 1
              ? clock.schedule(limits.watchLeaderlessMs, () => leaving.abort(leaderlessError(voter)))
              : undefined;
        }
        parts.hear(frame);
      }
    } catch (error) {
      if (!signal.aborted) logger.debug('watch broke', { voter, error: errorMessage(error) });
    } finally {
      leaderless?.cancel();
      leaving.abort();
    }
    const all = vain >= voters.length;
    if (all) parts.lost();
    const rest = AbortSignal.any([signal, moving]);
    if (!rest.aborted) await delay(clock, all ? limits.retryMaxMs : limits.retryMinMs, rest);
  }
}

function leaderlessError(voter: NodeId): TroupeError {
  return new TroupeError('NO_QUORUM', 'the voter knows no leader', { address: voter });
}
