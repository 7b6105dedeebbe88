import { type NodeId, TroupeError } from '../../core/index.ts';
import type { ProtoGrpcType } from '../../wire/generated/control.ts';
import type { Hello__Output } from '../../wire/generated/troupe/v1/Hello.ts';
import { asBuffer, loadProto } from '../../wire/index.ts';
import { checkProven } from '../proven.ts';

/** The messages of control.proto with their codecs. */
export const controlProto: ProtoGrpcType['troupe']['v1'] =
  loadProto<ProtoGrpcType>('troupe/v1/control.proto').troupe.v1;

/** Version of the control port's protocol. */
export const CONTROL_PROTOCOL = 1;

/**
 * Decodes a frame.
 *
 * @throws TroupeError PROTOCOL_VIOLATION
 */
export function decode<T>(codec: { deserialize(bytes: Buffer): T }, frame: Uint8Array): T {
  try {
    return codec.deserialize(asBuffer(frame));
  } catch (error) {
    throw new TroupeError('PROTOCOL_VIOLATION', 'the frame is no message of its stream', { cause: error });
  }
}

/**
 * Who opened a stream.
 *
 * @throws TroupeError IDENTITY_MISMATCH for another cluster or protocol, NODE_UNAVAILABLE when another node was meant: its
 * port has passed to this one
 *
 * @param proven whom the caller's certificate names, where there is one
 */
export function checkHello(
  hello: Hello__Output | null | undefined,
  cluster: string,
  self: NodeId,
  proven: NodeId | undefined,
): NodeId {
  if (!hello?.node) throw new TroupeError('PROTOCOL_VIOLATION', 'the stream starts without a hello');
  if (hello.cluster !== cluster || hello.protocol !== CONTROL_PROTOCOL) {
    const theirs = `cluster ${hello.cluster}, protocol ${hello.protocol}`;
    const ours = `cluster ${cluster}, protocol ${CONTROL_PROTOCOL}`;
    throw new TroupeError('IDENTITY_MISMATCH', `${theirs} doesn't fit ${ours}`, { address: self });
  }
  checkProven(proven, hello.node);
  if (hello.to !== self) {
    throw new TroupeError('NODE_UNAVAILABLE', `${self} listens here, not ${hello.to}`, { address: hello.to ?? '' });
  }
  return hello.node;
}
