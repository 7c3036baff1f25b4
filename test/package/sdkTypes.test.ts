import * as assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { findPython } from '../../src/client/python';

const run = promisify(execFile);
const PYRIGHT = resolve('node_modules', 'pyright', 'index.js');

/** What a person writes; the last three lines are mistakes. */
const CODE = `
import velar

app = velar.App("shop")


@app.function()
def greet(name: str) -> str:
    return name


deployment = app.deploy(wait=True, environment="staging")
reveal_type(deployment)
reveal_type(deployment.version)
reveal_type(deployment.addresses)
reveal_type(app.deploy(wait=False).wait())
deployed = velar.Function.from_name("shop", "greet")
reveal_type(deployed)
reveal_type(deployed.remote("Ada"))
reveal_type(deployed.spawn("Ada"))
reveal_type(deployed.remote_gen(3))
adder = velar.Cls.from_name("shop", "Adder")
reveal_type(adder(base=2))
reveal_type(adder(2).add.remote(3))
reveal_type(greet.remote("Ada"))
reveal_type(greet.map(["Ada"]))
reveal_type(greet.spawn("Ada"))
greet.remote(3)
velar.Function.from_name("shop", 3)
velar.Cls.from_name(3, "Adder")
app.deploy(env="staging")
`;

/** A Python environment with the SDK as a user has it installed. */
async function environmentWithSdk(folder: string): Promise<NodeJS.ProcessEnv> {
  const python = await findPython(undefined, new AbortController().signal, process.env);
  const environment = join(folder, 'environment');
  await run(python.executable, ['-m', 'venv', '--without-pip', environment]);
  const { stdout } = await run(join(environment, 'bin', 'python'), [
    '-c',
    'import sysconfig; print(sysconfig.get_path("purelib"), end="")',
  ]);
  cpSync(join('runtime', 'python', 'velar'), join(stdout, 'velar'), { recursive: true });
  const bin = join(environment, 'bin');
  return { ...process.env, VIRTUAL_ENV: environment, PATH: `${bin}:${process.env['PATH'] ?? ''}` };
}

describe('the SDK as a type checker sees it', () => {
  it('gives a type and a docstring to everything it exports', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'velar-types-'));
    try {
      const env = await environmentWithSdk(folder);
      const checked = run(
        process.execPath,
        [PYRIGHT, '--ignoreexternal', '--verifytypes', 'velar'],
        { cwd: folder, env },
      );
      const { stdout } = await checked.catch((error: unknown) => error as { stdout: string });
      assert.match(stdout, /Type completeness score: 100%/, stdout);
      assert.match(stdout, /Functions without docstring: 0/, stdout);
      assert.match(stdout, /Classes without docstring: 0/, stdout);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('tells a person’s code what deploys and deployed functions give', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'velar-types-'));
    try {
      const env = await environmentWithSdk(folder);
      writeFileSync(join(folder, 'shop.py'), CODE);
      const checked = run(process.execPath, [PYRIGHT, '--outputjson', 'shop.py'], {
        cwd: folder,
        env,
      });
      const { stdout } = await checked.catch((error: unknown) => error as { stdout: string });
      const { generalDiagnostics } = JSON.parse(stdout) as {
        generalDiagnostics: { severity: string; message: string; rule?: string }[];
      };
      const revealed = generalDiagnostics
        .filter(({ severity }) => severity === 'information')
        .map(({ message }) => /is "(.*)"$/s.exec(message)?.[1]);
      assert.deepEqual(revealed, [
        'Deployment',
        'int',
        'Dict[str, str]',
        'Deployment',
        'DeployedFunction',
        'Any',
        'FunctionCall[Any]',
        'Iterator[Any]',
        'DeployedObject',
        'Any',
        'str',
        'Iterator[str]',
        'FunctionCall[str]',
      ]);
      const errors = generalDiagnostics.filter(({ severity }) => severity === 'error');
      assert.deepEqual(
        errors.map(({ rule }) => rule),
        ['reportArgumentType', 'reportArgumentType', 'reportArgumentType', 'reportCallIssue'],
        stdout,
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
