export type { Disk, DiskFile } from './disk.ts';
export { type DiskLogOptions, openDiskLog } from './disk-log.ts';
export { FileDisk } from './file-disk.ts';
export { type InspectedRecord, inspectLog, inspectRecords, type LogInspection } from './inspect.ts';
export { lockFile } from './lock-file.ts';
export { MemoryDisk, type MemoryDiskOptions } from './memory-disk.ts';
export { MemoryLog } from './memory-log.ts';
export type { RaftLog, Recovered } from './port.ts';
export type { LogIdentity } from './recovery.ts';
