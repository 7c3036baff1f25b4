import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { baseImage, dockerClient } from './support';

interface Ran {
  code: number;
  lines: Record<string, unknown>[];
  errors: string;
}

/** The bundles as they are shipped: what the sources alone do is tested beside. */
describe('velar run --engine docker, as built', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'velar-command-'));
    await mkdir(join(folder, 'workspace'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function run(body: string, env: Record<string, string> = {}): Promise<Ran> {
    const file = join(folder, 'workspace', 'app.py');
    await writeFile(file, `import velar\napp = velar.App("test")\n${body}\n`);
    const args = [
      resolve('dist', 'cli.js'),
      'run',
      `${file}::work`,
      '--engine',
      'docker',
      '--json',
    ];
    const home = { VELAR_HOME: join(folder, 'home'), VELAR_RUNTIME: '' };
    return new Promise((done) => {
      const options = { env: { ...process.env, ...home, ...env }, cwd: join(folder, 'workspace') };
      execFile(process.execPath, args, options, (error, stdout, stderr) => {
        const lines = stdout.split('\n').filter((line) => line.startsWith('{'));
        done({
          code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1,
          lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>),
          errors: stderr,
        });
      });
    });
  }

  const image = (layers = ''): string =>
    `image = velar.Image.from_registry(${JSON.stringify(baseImage())})${layers}\n\n@app.function(image=image)\n`;

  it('runs a function, and leaves no container', async () => {
    const { code, lines, errors } = await run(`${image()}def work():\n    return 42`);
    assert.equal(code, 0, errors);
    assert.deepEqual(lines.find(({ type }) => type === 'result')?.['value'], 42);
    const left = await dockerClient().listContainers({
      all: true,
      filters: { label: ['velar.app'] },
    });
    assert.deepEqual(left, []);
  });

  it('names a failed build as the image’s, on the line that asked for it', async () => {
    const layers = '.env(PIP_NO_INDEX="1").pip_install("no-such-package-of-velar")';
    const { code, lines } = await run(`${image(layers)}def work():\n    return 42`);
    assert.equal(code, 4);
    const error = lines.find(({ type }) => type === 'error');
    assert.equal(error?.['kind'], 'image');
    assert.deepEqual(
      (error['traceback'] as { file: string; line: number }[]).map(({ file, line }) => [
        file,
        line,
      ]),
      [['app.py', 3]],
    );
  });

  it('says what to do where there is no Docker', async () => {
    const none = { DOCKER_HOST: `unix://${folder}/none.sock` };
    const { code, lines, errors } = await run(`${image()}def work():\n    return 42`, none);
    assert.equal(code, 3);
    const said = JSON.stringify(lines) + errors;
    assert.match(said, /There is no Docker engine at/);
    assert.match(said, /sudo systemctl start docker/);
  });
});
