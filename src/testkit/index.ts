/**
 * For tests of what you build on Troupe: time that a test turns, orders of turns by seed, probes, faults, a cluster in memory;
 * and networks, disks and logs in memory.
 */

export { MemoryLogCluster } from '../coordinator/index.ts';
export { SeededRandom } from '../core/index.ts';
export { MemoryDisk, MemoryLog } from '../raft/index.ts';
export { MemoryNetwork } from '../remote/index.ts';
export { ManualClock } from './clock.ts';
export { type ExploreOptions, explore, SEED_VARIABLE } from './explore.ts';
export { crashOn, slow } from './faults.ts';
export { EXPECT_MS, PROBE_MESSAGES_MAX, Probe, type ProbeHome, SILENCE_MS, type Wait, waitOn } from './probe.ts';
export { TestCluster, type TestClusterOptions } from './test-cluster.ts';
export { TestSystem, type TestSystemOptions } from './test-system.ts';
export { BEHIND_MS, UnprotectedStore } from './unprotected.ts';
