import type { NodeId } from '../core/index.ts';
import { TroupeError } from '../core/index.ts';
import { decode, encode } from './codec.ts';
import type { WatchDelivery } from './port.ts';

/** Who leads, as a voter knows it. */
export interface Leader {
  readonly node: NodeId;
  readonly term: number;
}

/** What travels on a watch: deliveries, and who leads between them. */
export type WatchFrame = WatchDelivery | { readonly type: 'leader'; readonly leader: Leader | undefined };

/** Encodes a frame of a watch. */
export function encodeFrame(frame: WatchFrame): Uint8Array {
  return encode(frame);
}

/** Decodes a frame of a watch. @throws TroupeError PROTOCOL_VIOLATION */
export function decodeFrame(bytes: Uint8Array): WatchFrame {
  const frame = decode(bytes);
  if (typeof frame === 'object' && frame !== null && 'type' in frame) return frame as WatchFrame;
  throw new TroupeError('PROTOCOL_VIOLATION', 'this is not a frame of a watch');
}
