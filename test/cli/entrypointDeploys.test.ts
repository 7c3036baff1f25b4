/** `app.deploy()` in a local entrypoint: what it makes, what it raises, and what becomes of it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deployedAppSchema, type Version } from '../../runtime/protocol/deployments';
import { EndpointServer } from './endpointServer';
import { Workspace, type Ended } from './velar';

/** An endpoint, a job and an entrypoint in one file. */
const mixed = (greeting: string, ...lines: string[]): string => `
import os
import velar

app = velar.App("mixed")
served = velar.Function.from_name("mixed", "greet")

if "HERE" not in os.environ and os.path.exists("broken"):
    raise RuntimeError("not today")


@app.endpoint(min_containers=0)
def greet(name: str):
    return "${greeting} " + name


@app.function()
def job(number: int):
    return served.remote(str(number)) + ", " + greet.remote("own")


@app.function()
def deploy_inside():
    app.deploy()


def told(call):
    try:
        return call()
    except velar.exception.Error as error:
        print(type(error).__name__, type(error) in vars(velar.exception).values(), error)


@app.local_entrypoint()
def main():
${lines.map((line) => `    ${line}`).join('\n')}
`;

describe('a deploy from a local entrypoint', function () {
  this.timeout(240_000);
  const workspace = new Workspace({});
  const server = new EndpointServer(workspace, 'mixed');
  const velar = server.velar.bind(server);
  const HERE = { HERE: '1' };

  const runMain = (greeting: string, ...lines: string[]): Promise<Ended> => {
    workspace.write('mixed.py', mixed(greeting, ...lines));
    return workspace.start(['run', 'mixed.py'], HERE).ended;
  };
  const versions = async (): Promise<Version[]> => {
    const { apps } = JSON.parse(await velar('deployments', '--json')) as { apps: unknown };
    return deployedAppSchema.array().parse(apps)[0]?.versions ?? [];
  };

  const runsText = (): Promise<string> => velar('ps', '--all');

  before(() => {
    mkdirSync(workspace.home, { recursive: true });
    // A dollar a second, so that a budget is soon used up.
    const prices = { date: '2026-11-24', currency: 'USD', cpuUsdPerHour: 3600, gpus: [] };
    writeFileSync(join(workspace.home, 'prices.json'), JSON.stringify(prices));
    return server.start();
  });
  after(async () => {
    await server.stop();
    workspace.remove();
  });

  it('serves what the same entrypoint then calls by name, over HTTP, and from a job of the file', async () => {
    const { code, stdout, stderr } = await runMain(
      'hello',
      'deployment = app.deploy(wait=True, environment="staging")',
      'print(deployment.app, deployment.environment, deployment.version)',
      'print(sorted(deployment.addresses))',
      'print(served.remote("Ada"), "|", job.remote(7))',
      'print(list(served.map("ab")), "|", list(job.map([1, 2])))',
    );
    assert.equal(code, 0, stderr);
    assert.deepEqual(stdout.trim().split('\n'), [
      'mixed staging 1',
      "['deploy_inside', 'greet', 'job']",
      'hello Ada | hello 7, hello own',
      "['hello a', 'hello b'] | ['hello 1, hello own', 'hello 2, hello own']",
    ]);
    assert.match(stderr, /^deploy mixed to staging: started as run-\S+\n/m);
    assert.match(stderr, /^deploy mixed to staging: imports done in /m);
    assert.match(stderr, /^deploy mixed to staging: version 1 is served\n/m);
    assert.equal(await (await server.call('staging', 'greet', ['Bob'])).json(), 'hello Bob');
    assert.equal(await (await server.call('staging', 'job', [3])).json(), 'hello 3, hello own');
  });

  it('gives addresses that answer, and the run that told of it', async () => {
    const { stdout, stderr } = await runMain(
      'hello',
      'deployment = app.deploy()',
      'print(deployment.addresses["greet"], deployment.run)',
    );
    const [address = '', run = ''] = stdout.trim().split(' ');
    assert.equal(address, server.address('staging', 'greet'), stderr);
    assert.match(await runsText(), new RegExp(`^${run} .*deploy to staging +succeeded`, 'm'));
  });

  it('takes effect on the next call of a process that goes on', async () => {
    const gate = join(workspace.folder, 'gate');
    execFileSync('mkfifo', [gate]);
    const lines = [
      'print(served.remote("before"), flush=True)',
      `open(${JSON.stringify(gate)}).read()`,
      'print(served.remote("after"), flush=True)',
    ];
    workspace.write('mixed.py', mixed('hello', ...lines));
    const going = workspace.start(['run', 'mixed.py'], HERE);
    await going.printed(/hello before/);
    workspace.write('mixed.py', mixed('good day', ...lines));
    await velar('deploy', 'mixed.py');
    writeFileSync(gate, '');
    const { stdout, stderr } = await going.ended;
    assert.equal(stdout.trim(), 'hello before\ngood day after', stderr);
  });

  it('goes on beside an entrypoint that does not wait, and after it', async () => {
    const [newest] = await versions();
    const next = (newest?.version ?? 0) + 1;
    const asked = await runMain(
      'later',
      'deployment = app.deploy(wait=False)',
      'print("going on")',
      'print(deployment.wait() is deployment, deployment.version)',
    );
    assert.equal(asked.stdout.trim(), `going on\nTrue ${String(next)}`, asked.stderr);
    const left = await runMain('left', 'app.deploy(wait=False)', 'print("over")');
    assert.equal(left.code, 0, left.stderr);
    assert.match(left.stderr, new RegExp(`version ${String(next + 1)} is served`));
    assert.equal(await (await server.call('staging', 'greet', ['it'])).json(), 'left it');
  });

  it('raises what went wrong, and nothing else is served', async () => {
    const before = await versions();
    workspace.write('broken', '');
    const broken = await runMain('broken', 'told(app.deploy)');
    rmSync(join(workspace.files, 'broken'));
    assert.match(
      broken.stdout,
      /^RemoteRuntimeError False not today\n[^]*mixed\.py/,
      broken.stderr,
    );
    assert.match(broken.stderr, /^deploy mixed to staging: not today$/m);

    await velar('promote', 'mixed', '--yes');
    await velar('protect', 'mixed');
    const lines = await runMain(
      'refused',
      'told(lambda: app.deploy(environment="production"))',
      'told(lambda: app.deploy(environment="production", wait=False).version)',
      'told(deploy_inside.remote)',
    );
    const [first, hint, second, , inside] = lines.stdout.split('\n');
    assert.equal(first, 'Refused True Production of mixed takes promoted versions only.');
    assert.equal(hint, 'Deploy to staging, try it, then promote it.');
    assert.equal(second, first);
    assert.match(
      inside ?? '',
      /^Refused True App "mixed" can't be deployed from inside of a container/,
    );
    assert.match(lines.stdout, /velar deploy FILE/);
    assert.deepEqual(await versions(), before, 'no version was made');
  });

  it('raises what keeps its containers from coming up', async () => {
    const image = 'velar.Image.debian_slim().pip_install("file:///nothing-1.0-py3-none-any.whl")';
    workspace.write(
      'mixed.py',
      mixed('unbuilt', 'told(app.deploy)').replace('0)', `0, image=${image})`),
    );
    const unbuilt = await workspace.start(['run', 'mixed.py'], HERE).ended;
    assert.match(unbuilt.stdout, /^InfrastructureError True .*nothing-1\.0/, unbuilt.stderr);

    await velar('budget', 'set', '0.0001', '--app', 'mixed', '--per', 'day');
    const { stdout, stderr } = await runMain(
      'dear',
      'told(app.deploy)',
      'told(lambda: served.remote("x"))',
    );
    const [first, hint, second] = stdout.split('\n');
    assert.match(first ?? '', /^InfrastructureError True .*budget of .* mixed is spent/, stderr);
    assert.match(hint ?? '', /velar budget remove --app mixed/);
    assert.equal(second, first, 'calls of what is deployed are refused alike');
    await velar('budget', 'remove', '--app', 'mixed', '--yes');
  });

  it('is cancelled by name, and with the entrypoint', async () => {
    const slow = (text: string): string => `import os, time
if "HERE" not in os.environ:
    time.sleep(60)
${text}`;
    const start = (...lines: string[]) => {
      workspace.write('mixed.py', slow(mixed('slow', ...lines)));
      return workspace.start(['run', 'mixed.py'], HERE);
    };
    const named = start('told(app.deploy)');
    const [, run = ''] = await named.printed(/started as (run-\S+)/);
    await velar('cancel', run);
    const { stdout, stderr } = await named.ended;
    assert.match(stdout, /^Cancelled True /, stderr);

    const whole = start('app.deploy()');
    const [, second = ''] = await whole.printed(/started as (run-\S+)/);
    whole.interrupt();
    assert.equal((await whole.ended).code, 130);
    assert.match(await runsText(), new RegExp(`^${second} .*deploy to staging +cancelled`, 'm'));
  });

  it('records the commit of the files that were sent', async () => {
    const git = (...args: string[]): string =>
      execFileSync('git', args, { cwd: workspace.files, encoding: 'utf8' }).trim();
    git('init', '--quiet');
    workspace.write('mixed.py', mixed('committed', 'app.deploy()'));
    git('add', '.');
    git('-c', 'user.name=t', '-c', 'user.email=t@t', 'commit', '--quiet', '-m', 'first');
    const head = git('rev-parse', 'HEAD');
    for (const clean of [true, false]) {
      const { code, stderr } = await runMain(clean ? 'committed' : 'changed', 'app.deploy()');
      assert.equal(code, 0, stderr);
      assert.deepEqual((await versions())[0]?.commit, { hash: head, clean });
    }
    const [byRun, ...rest] = await versions();
    await velar('deploy', 'mixed.py');
    const [byCommand] = await versions();
    assert.deepEqual([byRun?.by, byRun?.commit], [byCommand?.by, byCommand?.commit]);
    assert.ok(rest.length > 0);
  });
});
