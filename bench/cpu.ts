/** Processor time and memory of processes, from /proc. */
import { readdirSync, readFileSync } from 'node:fs';

/** Length of a kernel tick as /proc counts it, ms: USER_HZ is 100 on every Linux that Node runs on. */
const TICK_MS = 10;

/** Processor time that each thread of a process has used, ms, by thread id. The main thread's id is the process's. */
export function threadTimes(pid: number): ReadonlyMap<number, number> {
  const times = new Map<number, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
      // The name in brackets may hold anything; user and system time are fields 14 and 15, that is 11 and 12 after it.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      times.set(Number(thread), (Number(fields[11]) + Number(fields[12])) * TICK_MS);
    } catch {
      // The thread has ended since.
    }
  }
  return times;
}

/** Processor time of a process between two looks, ms: all of it, its main thread's, and that of its busiest other thread. */
export interface CpuUse {
  readonly allMs: number;
  readonly mainMs: number;
  /** In a node of ours: the control thread. */
  readonly busiestMs: number;
}

/** Starts to measure; call the result at the end. */
export function measureCpu(pid: number): () => CpuUse {
  const before = threadTimes(pid);
  return () => {
    const used = [...threadTimes(pid)].map(([thread, ms]) => ({ thread, ms: ms - (before.get(thread) ?? 0) }));
    const others = used.filter(({ thread }) => thread !== pid).map(({ ms }) => ms);
    return {
      allMs: used.reduce((sum, { ms }) => sum + ms, 0),
      mainMs: used.find(({ thread }) => thread === pid)?.ms ?? 0,
      busiestMs: Math.max(0, ...others),
    };
  };
}

/** Memory that a process has resident, bytes. */
export function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024;
}
