/** Runs oracle.py over outlines. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { z } from 'zod';
import type { Outline } from './outline';

const answerSchema = z.object({
  file: z.string(),
  parsed: z.boolean(),
  differences: z.array(z.record(z.string(), z.unknown())),
});
export type OracleAnswer = z.infer<typeof answerSchema>;

/** What Python's own parser says about each outline; `text` is read from the file where absent. */
export function askOracle(
  outlines: readonly (Outline & { file: string; text?: string })[],
): OracleAnswer[] {
  const script = join(process.cwd(), 'test/discovery/oracle.py');
  const result = spawnSync('python3', ['-I', '-W', 'ignore', script], {
    input: outlines.map((outline) => `${JSON.stringify(outline)}\n`).join(''),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  assert.equal(result.status, 0, result.stderr);
  const lines = result.stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => answerSchema.parse(JSON.parse(line)));
}

/** The folder of Python's standard library. */
export function standardLibrary(): string {
  const code = 'import sysconfig; print(sysconfig.get_path("stdlib"))';
  const result = spawnSync('python3', ['-I', '-c', code], { encoding: 'utf8' });
  assert.equal(result.status, 0, result.stderr);
  return result.stdout.trim();
}
