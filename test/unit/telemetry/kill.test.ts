import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { SPANS, startTelemetry } from '../../../src/telemetry/index.ts';
import { assertTree, startOtlpReceiver } from '../../otlp/receiver.ts';

const NODE = fileURLToPath(new URL('./fixtures/killed-node.ts', import.meta.url));
const env = { OTEL_METRICS_EXPORTER: 'none' };

test('a SIGKILL leaves no orphans: the next life tells of what was open, as lost', async () => {
  const receiver = await startOtlpReceiver();
  const { endpoint } = receiver;
  const directory = mkdtempSync(join(tmpdir(), 'spool-'));
  const run = await startTelemetry({ service: 'troupe-run', instance: 'run#1', endpoint, env });
  const root = run.tracer.start(SPANS.workflow);

  const node = spawn(process.execPath, [NODE, endpoint, directory, root.traceparent ?? ''], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [printed] = await once(node.stdout, 'data');
  node.kill('SIGKILL');
  await once(node, 'exit');

  // What the dead node caused elsewhere has arrived long before the dead node's own spans.
  const child = run.tracer.start(SPANS.apply, { parent: String(printed).trim() });
  child.end();
  root.end();
  await run.flush(5_000);
  expect(() => assertTree(receiver.spans)).toThrow(/orphan: troupe-run ledger.apply/);

  const next = await startTelemetry({
    service: 'troupe-node-2',
    instance: 'troupe-node-2#2',
    endpoint,
    spoolDirectory: directory,
    env,
  });
  expect(await next.flush(5_000)).toBe(true);

  const tree = assertTree(receiver.spans, { services: 2 });
  const byName = (name: string) => tree.spans.filter((span) => span.name === name);
  expect(tree.spans).toHaveLength(6);
  expect(receiver.spans).toHaveLength(6);
  expect(byName('invoke_agent')).toMatchObject([
    {
      lost: true,
      error: 'the process died before the span ended',
      kind: 'SPAN_KIND_CONSUMER',
      service: 'troupe-node-2',
      resource: { 'service.instance.id': 'troupe-node-2#1' },
      attributes: { 'gen_ai.agent.id': 'left-pad' },
    },
  ]);
  expect(byName('execute_tool').map((span) => span.lost)).toEqual([false, true]);
  expect(byName('raft.propose')).toMatchObject([{ lost: false, error: undefined }]);
  for (const span of tree.spans) expect(span.endNs).toBeGreaterThanOrEqual(span.startNs);

  await next.shutdown(1_000);
  expect(readdirSync(directory)).toEqual([]);
  await run.shutdown(1_000);
  await receiver.close();
});

test('another process can send what a node left that never comes back', async () => {
  const receiver = await startOtlpReceiver();
  const { endpoint } = receiver;
  const directory = mkdtempSync(join(tmpdir(), 'spool-'));
  const node = spawn(process.execPath, [NODE, endpoint, directory], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(node.stdout, 'data');

  const run = await startTelemetry({ service: 'troupe-run', instance: 'run#1', endpoint, env });
  expect(run.recover(directory), 'a living process keeps its file').toBe(0);
  node.kill('SIGKILL');
  await once(node, 'exit');
  expect(run.recover(directory)).toBe(3);
  expect(run.recover(directory), 'only once').toBe(0);
  await run.shutdown(5_000);
  expect(assertTree(receiver.spans).spans.map((span) => span.service)).toEqual(Array(4).fill('troupe-node-2'));
  await receiver.close();
});
