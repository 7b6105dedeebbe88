export { connectEtcd, type EtcdClientOptions, type EtcdTls } from './client.ts';
export { type EtcdLog, eraseEtcdLog, foundEtcdLog, openEtcdLog } from './log.ts';
export { ETCD_LOG_LIMITS, type EtcdLogLimits, type EtcdLogOptions } from './options.ts';
export type { Etcd } from './port.ts';
