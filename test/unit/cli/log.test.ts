import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { exitCodeOf } from '../../../src/cli/errors.ts';
import { createProgram, runCommandLine } from '../../../src/cli/program.ts';
import { encodeAction, encodeBatch, encodeCommand, stampEntry } from '../../../src/coordinator/codec.ts';
import { encodeConfiguration, FileDisk, openDiskLog, type RaftLog } from '../../../src/raft/index.ts';
import { bytes, entry, hard, meta, run } from '../raft/log/support.ts';
import { fakeContext } from './fakes.ts';

const BATCH = encodeBatch(7, 0, [
  encodeCommand(1, encodeAction('kv.put', { key: 'a' })),
  encodeCommand(2, encodeAction('task.claim', {})),
]);
const COMMANDS = { ...entry(2, 1), data: stampEntry(Date.UTC(2026, 0, 2), BATCH) };
const CONFIG = { ...entry(1, 1), kind: 'config' as const, data: encodeConfiguration({ voters: ['a', 'b'] }) };

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-log-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function open(path = folder): Promise<RaftLog & AsyncDisposable> {
  return openDiskLog({ disk: new FileDisk(path), clusterId: 'shop', id: 'n1', segmentBytes: 4096 });
}

/** A log with two segments, a snapshot, and entries of two terms. */
async function build(): Promise<void> {
  await using log = await open();
  await log.append(hard(1, 'n1'), [CONFIG, COMMANDS, ...run(3, 40, 1, 100)]);
  await log.saveSnapshot(meta(4, 1), bytes('state', 'more'), 10);
  await log.append(hard(2, 'n2', 40), run(41, 60, 2, 100));
  await log.append(undefined, run(61, 80, 2, 100));
}

async function troupe(...argv: string[]): Promise<{ out: string[]; message: string; exit: number }> {
  const context = fakeContext();
  let failure: { message: string; exit: number } = { message: '', exit: 0 };
  await runCommandLine(createProgram(context), ['log', ...argv], context).catch((error: Error) => {
    failure = { message: error.message, exit: exitCodeOf(error) };
  });
  return { out: context.out, ...failure };
}

function contents(): Map<string, string> {
  return new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name)).toString('latin1')]));
}

/** Changes one byte. */
function damage(name: string, offset: number): void {
  const data = readFileSync(join(folder, name));
  data[offset] = (data[offset] as number) ^ 0x10;
  writeFileSync(join(folder, name), data);
}

describe('troupe log verify', () => {
  test('says whose log it is and what it holds, and changes nothing', async () => {
    await build();
    const before = contents();
    const { out, exit } = await troupe('verify', folder);
    expect(exit).toBe(0);
    expect(out.join('\n')).toMatch(
      /^log of {5}n1 of cluster shop\nsegments {3}3, \d+ bytes\nentries {4}1 to 80, terms 1 to 2\nmember {5}term 2, voted for n2, commit 40\nsnapshot {3}at 4 of term 1, 9 bytes, voters n1 n2 n3\nsound$/,
    );
    expect(contents()).toEqual(before);
  });

  test('a torn tail is told and is no damage', async () => {
    await build();
    const name = readdirSync(folder)
      .filter((each) => each.endsWith('.wal'))
      .at(-1) as string;
    const data = readFileSync(join(folder, name));
    const end = data.findLastIndex((byte) => byte !== 0) + 1;
    // What a crash leaves of a write: the beginning of a record.
    writeFileSync(
      join(folder, name),
      Buffer.concat([data.subarray(0, Math.ceil(end / 8) * 8 + 64), Buffer.alloc(20, 1)]),
    );
    const { out, exit } = await troupe('verify', folder, '--json');
    expect(exit).toBe(0);
    expect(JSON.parse(out.join(''))).toMatchObject({
      torn: { file: name, bytes: expect.any(Number) },
      entries: { last: 80 },
    });
    expect((await troupe('verify', folder)).out.join('\n')).toContain('nothing acknowledged is lost');
  });

  test('damage names file, offset and index, and what to do', async () => {
    await build();
    const text = readFileSync(join(folder, '0000000001.wal')).toString('latin1');
    damage('0000000001.wal', text.indexOf('x'.repeat(100)) + 50);
    const { message, exit } = await troupe('verify', folder);
    expect(exit).toBe(1);
    expect(message).toMatch(
      /^a record is damaged: .*\/0000000001\.wal at byte \d+, after entry 2; remove this voter .*$/,
    );
  });

  test('a damaged snapshot is found, chunk by chunk', async () => {
    await build();
    const name = 'snapshot-1-4.snap';
    damage(name, readFileSync(join(folder, name)).indexOf('more'));
    const { message, exit } = await troupe('verify', folder);
    expect(exit).toBe(1);
    expect(message).toMatch(
      /^the snapshot does not match its checksum: snapshot-1-4\.snap at byte \d+; remove this voter/,
    );
  });

  test('a segment that is missing, or entries above the term of the member', async () => {
    await build();
    rmSync(join(folder, '0000000002.wal'));
    expect((await troupe('verify', folder)).message).toMatch(/the segment is missing: .*0000000002\.wal/);
    rmSync(folder, { recursive: true });
    const log = await open();
    await log.append(hard(1), run(1, 3, 1));
    await log.append(undefined, run(4, 5, 3));
    await log.close();
    expect((await troupe('verify', folder)).message).toMatch(/entry 4 has term 3, the member itself 1: .*at byte \d+/);
  });

  test('waits for nobody: while a node has the log open it says so', async () => {
    await using log = await open();
    await log.append(hard(1), run(1, 3, 1));
    const { message, exit } = await troupe('verify', folder);
    expect(exit).toBe(1);
    expect(message).toBe('another process is using this log directory; stop the node first, or look at a copy');
    expect((await troupe('dump', folder)).message).toBe(message);
  });

  test.each([
    [['verify', 'no/such'], 1, 'no such file'],
    [['dump', 'no/such'], 1, 'no such file'],
    [['dump', '.', '--from', '0'], 2, '--from: "0" is not an index'],
    [['dump', '.', '--to', 'ten'], 2, '--to: "ten" is not an index'],
    [['verify'], 2, "missing required argument 'dir'"],
    [[], 2, 'say what to do'],
    [['look', '.'], 2, 'say what to do'],
  ])('%j is refused in one line', async (argv, code, text) => {
    const { message, exit } = await troupe(...argv);
    expect(message).toContain(text);
    expect(message).not.toContain('\n');
    expect(exit).toBe(code);
  });

  test('a folder without a log names the one that is meant', async () => {
    const within = join(folder, 'raft');
    await (await open(within)).close();
    expect((await troupe('verify', folder)).message).toBe(`there is no log in ${folder}; name ${within}`);
  });
});

describe('troupe log dump', () => {
  test('a line for each record, with what it means', async () => {
    const log = await open();
    await log.append(hard(1, 'n1'), [CONFIG, COMMANDS, { ...entry(3, 1), data: new Uint8Array(0) }]);
    await log.append(hard(2), [entry(3, 2, 'not the ledger’s')]);
    await log.close();
    const { out } = await troupe('dump', folder);
    expect(out).toEqual([
      '         1      1 segment           30',
      '         0      0 trim               0',
      '         0      1 hardState          2 vote n1',
      '         1      1 configEntry       20 voters a b',
      '         2      1 entry             46 2026-01-02T00:00:00.000Z session 7 1:kv.put 2:task.claim',
      '         3      1 entry              0',
      '         0      2 hardState          0 no vote',
      '         3      2 entry             18 6e6f7420746865206c6564676572e280',
      '         0      0 seal               0',
    ]);
  });

  test('--from and --to choose entries, --json prints objects', async () => {
    await build();
    const { out } = await troupe('dump', folder, '--from', '2', '--to', '4', '--json');
    expect(out.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ index: 2, session: 7, commands: ['1:kv.put', '2:task.claim'] }),
      expect.objectContaining({ index: 3, kind: 'entry', bytes: 100 }),
      expect.objectContaining({ index: 4, term: 1, file: '0000000001.wal' }),
    ]);
  });

  test('prints what lies before the damage, then names it', async () => {
    await build();
    const text = readFileSync(join(folder, '0000000001.wal')).toString('latin1');
    damage('0000000001.wal', text.indexOf('x'.repeat(100)) + 50);
    const { out, message, exit } = await troupe('dump', folder, '--from', '1');
    expect(out).toHaveLength(2);
    expect(exit).toBe(1);
    expect(message).toContain('after entry 2');
  });

  test('stops when its reader is gone, and lets go of the log', async () => {
    await build();
    const context = fakeContext();
    const terminal = {
      ...context.terminal,
      get closed() {
        return context.out.length >= 3;
      },
    };
    await runCommandLine(createProgram({ ...context, terminal }), ['log', 'dump', folder], context);
    expect(context.out).toHaveLength(3);
    await (await open()).close();
  });
});
