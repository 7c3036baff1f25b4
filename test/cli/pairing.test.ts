import * as assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TcpProxy } from '../support/tcpProxy';
import { jsonLines, ofType, Workspace, type Running } from './velar';

const APP = `
import time
import velar

app = velar.App("lines")


@app.function()
def lines(count: int):
    for number in range(count):
        print(f"line {number}")
        if number % 100 == 0:
            time.sleep(0.02)
    return count
`;

/** The list of runtimes with the one in it at another port of this machine. */
function relocated(file: string, port: number): string {
  return readFileSync(file, 'utf8').replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${String(port)}`);
}

describe('velar serve, pair and runtimes', function () {
  this.timeout(180_000);
  const workspace = new Workspace({ 'lines.py': APP });
  const server = new Workspace({});
  let serving: Running;
  let url = '';

  function code(): string {
    return String(jsonLines(serving.stdout)[0]?.['code']);
  }

  function goThrough(port: number): void {
    const list = join(workspace.home, 'runtimes.json');
    writeFileSync(list, relocated(list, port));
  }

  before(async () => {
    serving = server.start(['serve', '--port', '0', '--name', 'box', '--json']);
    await serving.printed(/"serving".*\n/);
    url = String(jsonLines(serving.stdout)[0]?.['url']);
  });

  after(async () => {
    serving.interrupt();
    await serving.ended;
    workspace.remove();
    server.remove();
  });

  it('refuses a wrong code, takes the right one, and sends runs there', async () => {
    const wrong = await workspace.run('pair', url, '--code', '0000-0000');
    assert.equal(wrong.code, 3);
    assert.match(wrong.stderr, /code is wrong/);
    const paired = await workspace.run('pair', url, '--code', code(), '--json');
    assert.equal(paired.code, 0, paired.stderr);
    assert.equal((JSON.parse(paired.stdout) as { name: string }).name, 'box');
    assert.equal(statSync(join(workspace.home, 'tokens.json')).mode & 0o777, 0o600);
    const again = await workspace.run('pair', url, '--code', code());
    assert.equal(again.code, 3, 'a code is good once');
    const { stdout } = await workspace.run('status', '--json');
    assert.equal((JSON.parse(stdout) as { runtime: { name: string } }).runtime.name, 'box');
  });

  it('loses no line of a run whose connection breaks', async () => {
    const proxy = await TcpProxy.start(Number(new URL(url).port));
    try {
      goThrough(proxy.port);
      const running = workspace.start(['run', 'lines.py::lines', '--args', '[2000]', '--json']);
      for (const line of [200, 900, 1500]) {
        await running.printed(new RegExp(`"line ${String(line)}"`));
        proxy.cut();
      }
      const { code: exitCode, stdout } = await running.ended;
      assert.equal(exitCode, 0, stdout.slice(-2000));
      const lines = jsonLines(stdout);
      assert.deepEqual(
        ofType(lines, 'log').map(({ seq, text }) => [seq, text]),
        Array.from({ length: 2000 }, (_, index) => [index + 1, `line ${String(index)}`]),
      );
      assert.equal(ofType(lines, 'result').length, 1);
      assert.ok(proxy.accepted >= 2);
    } finally {
      await proxy.stop();
      goThrough(Number(new URL(url).port));
    }
  });

  it('exits with 3 when the runtime can not be reached or no longer knows us', async () => {
    const { port } = new URL(url);
    goThrough(1);
    assert.equal((await workspace.run('status')).code, 3);
    goThrough(Number(port));
    const unpaired = await workspace.run('runtimes', 'unpair', 'box');
    assert.equal(unpaired.code, 0, unpaired.stderr);
    const gone = await workspace.run('status', '--runtime', 'box');
    assert.equal(gone.code, 2);
    assert.match(gone.stderr, /No paired runtime/);
    const refused = await workspace.run('pair', '127.0.0.1:1', '--code', '0000-0000');
    assert.equal(refused.code, 3);
    assert.match(refused.stderr, /No runtime answers/);
    assert.match((await workspace.run('runtimes')).stdout, /^\* {2}local/m);
  });
});
