import type { ProtoGrpcType } from '../../wire/generated/peer.ts';
import { loadProto } from '../../wire/index.ts';
import type { Transport } from '../port.ts';
import { GrpcStreams, type GrpcStreamsOptions } from './streams.ts';

/** Settings of the data port. */
export interface GrpcTransportOptions
  extends Pick<GrpcStreamsOptions, 'tls' | 'clock' | 'allowInsecureBeyondLoopback'>,
    Partial<Pick<GrpcStreamsOptions, 'windowBytes'>> {}

/**
 * The data port over gRPC: `Peer.Link` of peer.proto, one connection for each peer, lane and direction. Links send their
 * own pings, so gRPC's keepalive only clears away what a vanished dialler left behind.
 *
 * @param options.windowBytes flow-control window of each connection, default 1 MiB: over a distance it bounds the rate to
 * one window for each round trip; larger ones let bulk traffic hold up the event loop for longer
 */
export function openGrpcTransport(options: GrpcTransportOptions = {}): Transport {
  const streams = new GrpcStreams<'Link'>({
    windowBytes: 1024 * 1024,
    ...options,
    service: loadProto<ProtoGrpcType>('troupe/v1/peer.proto').troupe.v1.Peer.service,
    frameBytesMax: 4 * 1024 * 1024,
    keepaliveMs: 20_000,
    keepaliveTimeoutMs: 10_000,
  });
  return {
    authenticated: options.tls !== undefined,
    listen: (address, onConnection) => streams.listen(address, onConnection),
    dial: (address, _lane, node) => streams.dial(address, 'Link', node),
    close: () => streams.close(),
  };
}
