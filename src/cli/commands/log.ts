import { Command, Option } from 'commander';
import { type LogRecord, readLog, verifyLog } from '../../node/index.ts';
import type { CliContext } from '../cli-context.ts';
import { usageError } from '../errors.ts';

/** Lines printed before the reader is waited for, so that a slow one costs no memory. */
const LINES_PER_FLUSH = 500;

interface DumpOptions {
  readonly from?: number;
  readonly to?: number;
  readonly json?: boolean;
}

/** `troupe log verify|dump DIR` */
export function logCommand(context: CliContext): Command {
  return new Command('log')
    .description("look into a voter's log on this machine, without changing it")
    .addCommand(verifyCommand(context))
    .addCommand(dumpCommand(context))
    .allowExcessArguments()
    .action(() => {
      throw usageError('say what to do: troupe log verify DIR, or troupe log dump DIR');
    });
}

function verifyCommand({ terminal }: CliContext): Command {
  return new Command('verify')
    .description('read all segments and snapshots and check what can be checked')
    .argument('<dir>', 'folder of the log: data/NODE/raft below the cluster')
    .option('--json', 'print one object')
    .action(async (dir: string, { json }: { readonly json?: boolean }) => {
      const found = await verifyLog(dir);
      if (json) {
        terminal.print(JSON.stringify(found));
        return;
      }
      const { identity, segments, segmentBytes, entries, terms, hardState, snapshots, torn } = found;
      const of = identity === undefined ? 'nobody yet' : `${identity.id} of cluster ${identity.clusterId}`;
      terminal.print(`log of     ${of}`);
      terminal.print(`segments   ${segments}, ${segmentBytes} bytes`);
      const range = terms === undefined ? '' : `, terms ${terms.first} to ${terms.last}`;
      terminal.print(
        `entries    ${terms === undefined ? `none after ${entries.last}` : `${entries.first} to ${entries.last}`}${range}`,
      );
      const vote = hardState?.vote === undefined ? 'no vote' : `voted for ${hardState.vote}`;
      terminal.print(
        `member     ${hardState === undefined ? 'no term yet' : `term ${hardState.term}, ${vote}, commit ${hardState.commit}`}`,
      );
      for (const { meta, bytes } of snapshots) {
        terminal.print(
          `snapshot   at ${meta.index} of term ${meta.term}, ${bytes} bytes, voters ${meta.configuration.voters.join(' ')}`,
        );
      }
      if (torn !== undefined) {
        terminal.print(
          `torn tail  ${torn.file} from byte ${torn.offset}: ${torn.bytes} bytes of a write that a crash interrupted; ` +
            'the next start cuts them off, nothing acknowledged is lost',
        );
      }
      terminal.print('sound');
    });
}

function dumpCommand({ terminal }: CliContext): Command {
  return new Command('dump')
    .description('print every record, one a line')
    .argument('<dir>', 'folder of the log: data/NODE/raft below the cluster')
    .addOption(
      new Option('--from <index>', 'entries from this index on, and nothing but entries').argParser(
        parseIndex('--from'),
      ),
    )
    .addOption(
      new Option('--to <index>', 'entries up to this index, and nothing but entries').argParser(parseIndex('--to')),
    )
    .option('--json', 'print each as an object')
    .action(async (dir: string, { from, to, json }: DumpOptions) => {
      let lines = 0;
      for (const record of readLog(dir)) {
        if (!isWanted(record, from, to)) continue;
        terminal.print(json ? JSON.stringify(record) : formatRecord(record));
        if (++lines % LINES_PER_FLUSH === 0) await terminal.flush();
        if (terminal.closed) return;
      }
    });
}

function parseIndex(flag: string): (text: string) => number {
  return (text) => {
    const index = Number(text);
    if (!Number.isSafeInteger(index) || index < 1) throw usageError(`${flag}: "${text}" is not an index`);
    return index;
  };
}

function isWanted({ kind, index }: LogRecord, from: number | undefined, to: number | undefined): boolean {
  if (from === undefined && to === undefined) return true;
  return kind.toLowerCase().endsWith('entry') && index >= (from ?? 0) && index <= (to ?? Number.POSITIVE_INFINITY);
}

/** A record as a line: index, term, kind, bytes, and what it means. */
export function formatRecord(record: LogRecord): string {
  const { index, term, kind, bytes } = record;
  const columns = [`${index}`.padStart(10), `${term}`.padStart(6), kind.padEnd(11), `${bytes}`.padStart(8)];
  return [...columns, meaningOf(record)].join(' ').trimEnd();
}

function meaningOf({ time, session, commands, members, vote, head }: LogRecord): string {
  if (commands !== undefined && time !== undefined) {
    return `${new Date(time).toISOString()} session ${session} ${commands.join(' ')}`;
  }
  if (members !== undefined) {
    const { voters, votersOutgoing, learners } = members;
    const sets = { voters, 'outgoing voters': votersOutgoing, learners };
    return Object.entries(sets)
      .map(([name, ids]) => (ids === undefined ? '' : `${name} ${ids.join(' ')}`))
      .filter((text) => text !== '')
      .join(', ');
  }
  if (vote !== undefined) return vote === '' ? 'no vote' : `vote ${vote}`;
  return head ?? '';
}
