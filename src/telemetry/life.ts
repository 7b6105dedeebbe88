import { readFileSync } from 'node:fs';

/**
 * Names one life of one process on this machine: `<pid>-<start>`. Process ids are used again (in a container each life
 * may be process 1), so the start time belongs to the name. It is in clock ticks since the machine started, as Linux
 * tells it; elsewhere it is 0, and a dead life whose id is in use again counts as alive until that process ends.
 */
export type LifeId = string;

/** The start time of a process in clock ticks, undefined when there is no such process. */
function startOf(pid: number): string | undefined {
  if (process.platform === 'linux') {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      // The second field is the command in parentheses and may hold spaces: count fields from the last parenthesis.
      return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    } catch {
      return undefined;
    }
  }
  try {
    process.kill(pid, 0);
    return '0';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? '0' : undefined;
  }
}

/** This process's life; the same in all its threads. */
export function ownLife(): LifeId {
  return `${process.pid}-${startOf(process.pid) ?? '0'}`;
}

/** Whether the process that had this life still runs. */
export function isAlive(life: LifeId): boolean {
  const [pid = '', start] = life.split('-');
  return startOf(Number(pid)) === start;
}
