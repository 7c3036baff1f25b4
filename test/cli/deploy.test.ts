import * as assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deployedAppSchema } from '../../runtime/protocol/deployments';
import { EndpointServer } from './endpointServer';
import { ofType, jsonLines, Workspace } from './velar';

const app = (greeting: string, extra = ''): string => `
import os, time
import velar

app = velar.App("shop")


@app.function()
def greet(name: str, times: int = 1):
    print("greeting", name)
    return " ".join(["${greeting} " + name] * times)


@app.function()
def count(to: int):
    for number in range(to):
        yield {"number": number}


@app.function()
def fail():
    raise ValueError("no such luck")


@app.function(timeout=1)
def sleep():
    time.sleep(30)


@app.function()
def slow(seconds: float):
    time.sleep(seconds)
    return os.getpid()


@app.cls()
class Adder:
    def __init__(self, base: int = 0):
        self.base = base

    @velar.method()
    def add(self, more: int):
        return self.base + more
${extra}
`;

describe('deployments', function () {
  this.timeout(240_000);
  const workspace = new Workspace({ 'shop.py': app('hello') });
  const server = new EndpointServer(workspace, 'shop');
  const { keys } = server;
  const velar = server.velar.bind(server);
  const call = server.call.bind(server);
  const get = server.get.bind(server);

  before(() => server.start());
  after(async () => {
    await server.stop();
    workspace.remove();
  });

  it('make a version, told by phase, and serve it over HTTP', async () => {
    const lines = jsonLines(await velar('deploy', 'shop.py', '--json'));
    assert.deepEqual(ofType(lines, 'result').at(-1)?.value, {
      app: 'shop',
      version: 1,
      environment: 'staging',
    });
    const ended = ofType(lines, 'phase').filter(
      ({ status }) => status === 'done' || status === 'skipped',
    );
    assert.equal(ended.length, 7, 'each phase ends once');
    const named = await call('staging', 'greet', { name: 'Ada', times: 2 });
    assert.deepEqual([named.status, await named.json()], [200, 'hello Ada hello Ada']);
    assert.match(named.headers.get('velar-request-id') ?? '', /^run-/);
    const timing =
      /^queue;dur=[\d.]+, cold-start;dur=[\d.]+, model-load;dur=0, execution;dur=[\d.]+$/;
    assert.match(named.headers.get('server-timing') ?? '', timing);
    assert.equal(await (await call('staging', 'greet', ['Bob'])).json(), 'hello Bob');
    const method = await call('staging', 'Adder.add', { $instance: { base: 40 }, more: 2 });
    assert.equal(await method.json(), 42);
    const unfit = await call('staging', 'Adder.add', { $instance: { bass: 40 }, more: 2 });
    assert.equal(unfit.status, 422);
    assert.match(await unfit.text(), /`\$instance` does not fit: .*no parameter bass/);
    assert.match(await velar('call', 'shop.greet', '--args', '["Cleo"]'), /hello Cleo/);
    const log = await velar('logs', named.headers.get('velar-request-id') ?? '');
    assert.match(log, /greeting Ada/);
  });

  it('stream what generators yield as events', async () => {
    const response = await call('staging', 'count', { to: 3 });
    assert.equal(response.headers.get('content-type'), 'text/event-stream');
    const text = await response.text();
    assert.deepEqual(
      [...text.matchAll(/^data: (.*)$/gm)].map((match) => match[1]),
      ['{"number":0}', '{"number":1}', '{"number":2}', '{}'],
    );
    assert.match(text, /event: end\ndata: \{\}\n\n$/);
  });

  it('answer with what is wrong, and to nobody without the key of the environment', async () => {
    const status = async (response: Promise<Response>): Promise<number> => (await response).status;
    assert.equal(await status(call('staging', 'greet', {})), 422);
    assert.equal(await status(call('staging', 'greet', { name: 'A', age: 3 })), 422);
    assert.equal(await status(call('staging', 'greet', 'text')), 400);
    assert.equal(await status(call('staging', 'nothing', {})), 404);
    assert.equal(await status(call('staging', 'sleep', {})), 504);
    assert.equal(await status(get('staging', 'greet')), 405);
    assert.equal(await status(call('staging', 'greet', {}, { 'content-type': 'text/plain' })), 415);
    assert.equal(await status(call('staging', 'greet', ['x'], { origin: 'http://evil' })), 403);
    assert.equal(await status(call('production', 'greet', ['x'])), 404, 'nothing is there yet');
    const key = keys['production'] ?? '';
    assert.equal(
      await status(call('staging', 'greet', ['x'], { authorization: `Bearer ${key}` })),
      401,
    );
    assert.equal(await status(call('staging', 'greet', ['x'], { authorization: '' })), 401);
    const raised = await call('staging', 'fail', {});
    const body = (await raised.json()) as { error: { type: string; message: string } };
    assert.deepEqual(
      [raised.status, body.error.type, body.error.message],
      [500, 'ValueError', 'no such luck'],
    );
    assert.ok(!JSON.stringify(body).includes('shop.py'), 'no traceback goes out');
  });

  it('describe themselves in OpenAPI', async () => {
    const document = (await (await get('staging', 'openapi.json')).json()) as {
      paths: Record<
        string,
        { post: { requestBody: { content: Record<string, { schema: unknown }> } } }
      >;
    };
    const greet = document.paths['/v1/endpoints/staging/shop/greet'];
    assert.deepEqual(greet?.post.requestBody.content['application/json']?.schema, {
      type: 'object',
      properties: {
        name: { title: 'name: str', type: 'string' },
        times: { title: 'times: int', type: 'integer', description: 'Default: 1' },
      },
      required: ['name'],
      additionalProperties: false,
    });
  });

  it('promote the same version after showing what changes, roll back, and protect production', async () => {
    const promoted = await workspace.run('promote', 'shop', '--yes');
    assert.equal(promoted.code, 0, promoted.stderr);
    assert.match(
      promoted.stderr,
      /production of shop serves nothing; with version 1:[^]*\+ shop\.py/,
    );
    assert.equal(await (await call('production', 'greet', ['Ada'])).json(), 'hello Ada');

    workspace.write('shop.py', app('good day'));
    await velar('deploy', 'shop.py');
    assert.equal(await (await call('staging', 'greet', ['Ada'])).json(), 'good day Ada');
    assert.equal(await (await call('production', 'greet', ['Ada'])).json(), 'hello Ada');
    assert.equal((await workspace.run('promote', 'shop')).code, 2, 'it asks, and nobody is there');
    const second = await workspace.run('promote', 'shop', '--yes');
    assert.match(second.stderr, /serves version 1; with version 2:\n {2}~ shop\.py/);
    assert.match(second.stderr, /^ {2}-.*"hello " \+ name[^]*^ {2}\+.*"good day " \+ name/m);
    assert.equal(await (await call('production', 'greet', ['Ada'])).json(), 'good day Ada');

    await velar('rollback', 'shop', '--yes');
    assert.equal(await (await call('production', 'greet', ['Ada'])).json(), 'hello Ada');
    const [shop] = deployedAppSchema
      .array()
      .parse((JSON.parse(await velar('deployments', '--json')) as { apps: unknown }).apps);
    assert.deepEqual(
      shop?.serves.map(({ environment, version, action }) => [environment, version, action]),
      [
        ['staging', 2, 'deploy'],
        ['production', 1, 'rollback'],
      ],
    );

    const unknown = await workspace.run('protect', 'shpo');
    assert.notEqual(unknown.code, 0);
    assert.match(unknown.stderr, /No version of the app shpo was deployed here/);
    assert.match(unknown.stderr, /Did you mean shop\? These were: .*shop/);
    await velar('protect', 'shop');
    const refused = await workspace.run('deploy', 'shop.py', '--env', 'production');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /takes promoted versions only/);
    assert.equal(await (await call('production', 'greet', ['Ada'])).json(), 'hello Ada');
  });

  it('are compared code line by line, options and packages as people write them', async () => {
    const text = await velar('diff', 'shop');
    assert.match(text, /^shop: from version 1 to version 2\n {2}~ shop\.py\n/);
    assert.match(text, /^ {2}\+{3} shop\.py\tversion 2\n {2}@@ -\d+,7 \+\d+,7 @@$/m);
    const json = JSON.parse(await velar('diff', 'shop', '--from', '2', '--to', '1', '--json')) as {
      from: number;
      files: { path: string; patch: string }[];
    };
    assert.deepEqual([json.from, json.files.map(({ path }) => path)], [2, ['shop.py']]);
    assert.match(json.files[0]?.patch ?? '', /^\+.*"hello " \+ name/m);
    assert.match(await velar('diff', 'shop', '--from', 'staging', '--to', '2'), /nothing changes/);
    const unknown = await workspace.run('diff', 'shop', '--to', '9');
    assert.match(unknown.stderr, /shop has no version 9/);
  });

  it('tell the addresses that answer', async () => {
    const list = await velar('deployments');
    const address = /http\S+\/v1\/endpoints\/staging\/shop\/greet$/m.exec(list)?.[0];
    assert.equal(address, `${server.url.replace(/\/$/, '')}/v1/endpoints/staging/shop/greet`);
    assert.doesNotMatch(list, /nothing answers/);
  });

  it('let no version serve whose code does not come up', async () => {
    workspace.write('shop.py', app('broken', '\nraise RuntimeError("not today")\n'));
    const { code, stderr } = await workspace.run('deploy', 'shop.py');
    assert.equal(code, 1);
    assert.match(stderr, /not today/);
    assert.equal(await (await call('staging', 'greet', ['Ada'])).json(), 'good day Ada');
  });

  it('switch without a failed request while calls come in', async () => {
    const { answers, failures } = await server.under('production', 'greet', ['Ada'], async () => {
      await velar('promote', 'shop', '--yes');
      await velar('rollback', 'shop', '--yes');
      await velar('promote', 'shop', '--yes');
    });
    assert.deepEqual(failures, []);
    assert.deepEqual([...answers.keys()].sort(), ['"good day Ada"', '"hello Ada"']);
  });

  it('end where an app is taken down, after its name was typed, and come back', async () => {
    const asked = await workspace.run('undeploy', 'shop', '--env', 'production');
    assert.equal(asked.code, 2, 'it asks, and nobody is there');
    const refused = await workspace.run('undeploy', 'shop', '--env', 'production', '--yes');
    assert.match(refused.stderr, /Production of shop is protected/);
    await velar('protect', 'shop', '--off');
    const told = await velar('undeploy', 'shop', '--env', 'production', '--yes');
    assert.match(told, /production of shop serves nothing now; .* brings version 2 back/);
    assert.equal((await call('production', 'greet', ['Ada'])).status, 404);
    assert.equal((await call('staging', 'greet', ['Ada'])).status, 200);
    assert.equal((await workspace.run('undeploy', 'shop')).code, 2, 'it wants to know where');
    await velar('rollback', 'shop', '--yes');
    assert.equal(await (await call('production', 'greet', ['Ada'])).json(), 'good day Ada');
    await velar('protect', 'shop');
  });

  it('go on serving after the runtime was started again', async () => {
    await server.stop();
    await server.start();
    assert.equal(await (await call('production', 'greet', ['Ada'])).json(), 'good day Ada');
    const log = readFileSync(join(workspace.home, 'runtime.log'), 'utf8');
    for (const key of Object.values(keys)) assert.ok(!log.includes(key), 'no key is logged');
  });
});
