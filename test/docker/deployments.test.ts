import assert from 'node:assert/strict';
import { EndpointServer } from '../cli/endpointServer';
import { Workspace } from '../cli/velar';
import { LABEL } from '../../runtime/engines/docker/createOptions';
import { baseImage, dockerClient } from './support';

const app = (greeting: string): string => `
import os
import velar

image = velar.Image.from_registry(${JSON.stringify(baseImage())})
app = velar.App("shop")


@app.endpoint(image=image)
def greet(name: str):
    return "${greeting} " + name


@app.endpoint(image=image)
def where():
    return os.environ["HOSTNAME"]


@app.function(image=image)
def count(to: int):
    for number in range(to):
        yield number
`;

describe('deployments on a Docker engine', function () {
  this.timeout(300_000);
  const workspace = new Workspace({ 'shop.py': app('hello') });
  const server = new EndpointServer(workspace, 'shop', ['--engine', 'docker']);
  const velar = server.velar.bind(server);
  const greet = async (environment: string): Promise<unknown> =>
    (await server.call(environment, 'greet', ['Ada'])).json();
  const where = async (environment: string): Promise<string> =>
    (await (await server.call(environment, 'where')).json()) as string;
  /** Ids of the app's containers as Docker has them, ended ones included. */
  const containers = async (): Promise<string[]> => {
    const filters = { label: [`${LABEL.app}=shop`] };
    const list = await dockerClient().listContainers({ all: true, filters });
    return list.map(({ Id }) => Id);
  };

  before(() => server.start());
  after(async () => {
    await server.stop();
    workspace.remove();
  });

  it('serve from a container of the engine, streams too', async () => {
    await velar('deploy', 'shop.py');
    assert.equal(await greet('staging'), 'hello Ada');
    const streamed = await (await server.call('staging', 'count', { to: 3 })).text();
    assert.deepEqual(
      [...streamed.matchAll(/^data: (\d+)$/gm)].map((match) => match[1]),
      ['0', '1', '2'],
    );
    const container = dockerClient().getContainer(await where('staging'));
    assert.equal((await container.inspect()).State.Running, true);
  });

  it('promote and roll back without a failed request while calls come in', async () => {
    await velar('promote', 'shop', '--yes');
    workspace.write('shop.py', app('good day'));
    await velar('deploy', 'shop.py');
    assert.deepEqual(
      [await greet('staging'), await greet('production')],
      ['good day Ada', 'hello Ada'],
    );
    const { answers, failures } = await server.under('production', 'greet', ['Ada'], async () => {
      await velar('promote', 'shop', '--yes');
      assert.equal(await greet('production'), 'good day Ada');
      await velar('rollback', 'shop', '--yes');
      assert.equal(await greet('production'), 'hello Ada');
    });
    assert.deepEqual(failures, []);
    assert.deepEqual([...answers.keys()].sort(), ['"good day Ada"', '"hello Ada"']);
  });

  it('keep staging and production in containers of their own', async () => {
    await velar('promote', 'shop', '--yes');
    assert.notEqual(await where('staging'), await where('production'));
  });

  it('serve again from the same containers after the runtime was killed', async () => {
    const before = await containers();
    await server.crash();
    await server.start();
    assert.equal(await greet('production'), 'good day Ada');
    const there = await where('production');
    assert.ok(
      before.some((id) => id.startsWith(there)),
      `${there} is new beside ${before.join()}`,
    );
  });

  it('leave no container when the runtime is told to end', async () => {
    assert.notDeepEqual(await containers(), []);
    await server.stop();
    assert.deepEqual(await containers(), []);
  });
});
