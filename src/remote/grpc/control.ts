import type { ProtoGrpcType } from '../../wire/generated/control.ts';
import { loadProto } from '../../wire/index.ts';
import { type ControlMethod, type ControlOptions, openControl } from '../control/index.ts';
import type { ControlTransport } from '../control-port.ts';
import { GrpcStreams, type GrpcStreamsOptions } from './streams.ts';

/** Settings of the control port. */
export interface GrpcControlOptions
  extends Omit<ControlOptions, 'streams'>,
    Pick<GrpcStreamsOptions, 'tls' | 'allowInsecureBeyondLoopback'>,
    Partial<Pick<GrpcStreamsOptions, 'keepaliveMs' | 'keepaliveTimeoutMs'>> {}

/**
 * The control port over gRPC: the service of control.proto.
 *
 * @param options.keepaliveMs a connection silent for this long is asked for a sign of life, default 2,000 ms
 * @param options.keepaliveTimeoutMs and given up after this long without one, default 3,000 ms
 */
export function openGrpcControl(options: GrpcControlOptions): ControlTransport {
  const streams = new GrpcStreams<ControlMethod>({
    keepaliveMs: 2_000,
    keepaliveTimeoutMs: 3_000,
    ...options,
    service: loadProto<ProtoGrpcType>('troupe/v1/control.proto').troupe.v1.Control.service,
    frameBytesMax: 64 * 1024 * 1024,
    windowBytes: 4 * 1024 * 1024,
  });
  return openControl({ ...options, streams });
}
