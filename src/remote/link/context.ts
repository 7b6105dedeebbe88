import type { Clock, Logger, NodeRef, Random } from '../../core/index.ts';
import type { Envelope, Lane, Transport } from '../port.ts';
import type { LinkLimits } from './limits.ts';

/** What the lanes of all links share. */
export interface LinkContext {
  readonly self: NodeRef;
  readonly clusterId: string;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly limits: LinkLimits;
  /** Hands an envelope to its receiver; the promise settles when it may be forgotten. */
  deliver(from: NodeRef, lane: Lane, envelope: Envelope): void | Promise<void>;
}
