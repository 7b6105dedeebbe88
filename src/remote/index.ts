export { type ControlLimits, type ControlMethod, type ControlOptions, openControl } from './control/index.ts';
export * from './control-port.ts';
export { type GrpcControlOptions, openGrpcControl } from './grpc/control.ts';
export { channelCredentials, isLoopback, listenTls } from './grpc/credentials.ts';
export { type GrpcTransportOptions, openGrpcTransport } from './grpc/transport.ts';
export { DEFAULT_LINK_LIMITS, type LaneLimits, type LinkLimits, type LinksOptions, openLinks } from './link/index.ts';
export { MemoryNetwork } from './memory/network.ts';
export * from './port.ts';
export { type Identity, identityUri, Tls, type TlsFiles, type TlsListener } from './tls/index.ts';
