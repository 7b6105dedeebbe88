import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadDefinition, PROTO_DIR } from '../../../src/wire/index.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const script = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: { generate: string } })
  .scripts.generate;
const filesOf = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .sort();

describe('generated types', () => {
  test('are what `npm run generate` makes of the proto files', () => {
    const out = mkdtempSync(join(tmpdir(), 'troupe-generated-'));
    try {
      const args = script.split(' ').slice(1);
      const elsewhere = args.map((arg) => (arg.startsWith('--outDir=') ? `--outDir=${out}` : arg));
      const generator = join(root, 'node_modules/@grpc/proto-loader/build/bin/proto-loader-gen-types.js');
      execFileSync(process.execPath, [generator, ...elsewhere], { cwd: root, stdio: 'pipe' });
      const committed = join(root, 'src/wire/generated');
      expect(filesOf(committed)).toEqual(filesOf(out));
      for (const file of filesOf(out)) {
        expect(readFileSync(join(committed, file), 'utf8'), file).toBe(readFileSync(join(out, file), 'utf8'));
      }
    } finally {
      rmSync(out, { recursive: true });
    }
  });

  test('every proto file with a service is generated and loads', () => {
    for (const file of filesOf(PROTO_DIR.replace(/\/$/, ''))) {
      const isService = /^service /m.test(readFileSync(join(PROTO_DIR, file), 'utf8'));
      if (isService) expect(script).toContain(file);
      expect(Object.keys(loadDefinition(file)).length).toBeGreaterThan(0);
    }
  });
});
