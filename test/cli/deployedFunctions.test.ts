/** Functions that are called as they are deployed, from a local entrypoint and from other functions. */
import assert from 'node:assert/strict';
import { EndpointServer } from './endpointServer';
import { Workspace, type Ended } from './velar';

/** Serves functions; some of them call others by name, or in their own version. */
const shop = (greeting: string): string => `
import os
import velar

app = velar.App("shop")


@app.function()
def greet(name: str):
    return "${greeting} " + name


@app.function()
def count(to: int):
    for number in range(to):
        yield number


@app.function()
def own(name: str):
    return greet.remote(name)


@app.function()
def by_name(environment):
    called = velar.Function.from_name("shop", "greet", environment)
    return called.remote("from inside")


@app.function()
def speak():
    print("spoken")


@app.function()
def fail():
    raise ValueError("no such luck")


@app.cls()
class Adder:
    def __init__(self, base: int = 40):
        self.base = base

    @velar.method()
    def add(self, more: int):
        return self.base + more
`;

/** A file of another app, with an entrypoint of these lines. */
const client = (...lines: string[]): string => `
import velar
from velar import exception

app = velar.App("client")
greet = velar.Function.from_name("shop", "greet")


def shop(name, environment=None):
    return velar.Function.from_name("shop", name, environment)


def told(call):
    try:
        return call()
    except Exception as error:
        names = [each.__name__ for each in type(error).__mro__]
        print(type(error).__name__, "LookupError" in names, "TypeError" in names, error)


@app.function()
def inside(environment, name="Ada"):
    return greet.remote(name) if environment is None else shop("greet", environment).remote(name)


@app.function()
def relay(function, *args):
    return function.remote(*args)


@app.function()
def through(adder, more):
    return adder.add.remote(more)


@app.local_entrypoint()
def main():
${lines.map((line) => `    ${line}`).join('\n')}
`;

describe('deployed functions, called by name', function () {
  this.timeout(240_000);
  const workspace = new Workspace({ 'shop.py': shop('hello') });
  const server = new EndpointServer(workspace, 'shop');
  const velar = server.velar.bind(server);

  const runMain = (...lines: string[]): Promise<Ended> => {
    workspace.write('client.py', client(...lines));
    return workspace.run('run', 'client.py');
  };
  const printed = async (...lines: string[]): Promise<string[]> => {
    const { code, stdout, stderr } = await runMain(...lines);
    assert.equal(code, 0, stdout + stderr);
    return stdout.trim().split('\n');
  };

  before(async () => {
    await server.start();
    await velar('deploy', 'shop.py');
  });
  after(async () => {
    await server.stop();
    workspace.remove();
  });

  it('are called from a local entrypoint in every way', async () => {
    const lines = await printed(
      'print(greet.remote("Ada"), greet.remote(name="Bob"))',
      'print(list(shop("count").remote_gen(3)))',
      'print(list(greet.map(["a", "b"])), sorted(greet.starmap([("c",), ("d",)])))',
      'print(greet.spawn("Cleo").get(), greet.for_each(["x"]))',
      'print(shop("Adder.add").remote(2), shop("own").remote("chain"))',
    );
    assert.deepEqual(lines, [
      'hello Ada hello Bob',
      '[0, 1, 2]',
      "['hello a', 'hello b'] ['hello c', 'hello d']",
      'hello Cleo None',
      '42 hello chain',
    ]);
  });

  it('are called from inside other functions, and travel as arguments', async () => {
    const lines = await printed(
      'print(inside.remote(None), inside.remote("staging", "Bob"))',
      'print(list(inside.map([None] * 3)), relay.remote(greet, "Cleo"))',
    );
    assert.deepEqual(lines, [
      'hello Ada hello Bob',
      "['hello Ada', 'hello Ada', 'hello Ada'] hello Cleo",
    ]);
  });

  it('have objects made from the arguments that are given, wherever they are called', async () => {
    const lines = await printed(
      'Adder = velar.Cls.from_name("shop", "Adder")',
      'print(Adder(1).add.remote(2), Adder(base=10).add.remote(more=2), Adder().add.remote(2))',
      'print(list(Adder(5).add.map([1, 2])), Adder(7).add.spawn(1).get())',
      'print(relay.remote(Adder(20).add, 2), through.remote(Adder(30), 3), through.remote(Adder(1), 1))',
      'told(lambda: Adder(1, 2).add.remote(3))',
      'told(lambda: Adder(bias=2).add.remote(3))',
      'told(lambda: Adder(1).subtract.remote(3))',
      'told(lambda: velar.Cls.from_name("shop", "Adder", "moon"))',
    );
    assert.deepEqual(lines.slice(0, 3), ['3 12 42', '[6, 7] 8', '22 33 2']);
    const wanted = [
      /^RemoteTypeError False True Adder: too many positional arguments/,
      /^RemoteTypeError False True Adder: got an unexpected keyword argument 'bias'/,
      /^NotFound True False shop has no function Adder\.subtract in staging/,
    ];
    const told = lines.slice(3).filter((line) => /^\w+ (True|False)/.test(line));
    wanted.forEach((pattern, index) => assert.match(told[index] ?? '', pattern, lines.join('\n')));
    assert.match(told[3] ?? '', /^ValueError .*"?moon/, lines.join('\n'));
  });

  it('say what is wrong, and what to do', async () => {
    const lines = await printed(
      'told(lambda: velar.Function.from_name("nothing", "greet").remote(1))',
      'told(lambda: shop("nothing").remote(1))',
      'told(lambda: list(shop("nothing").map([1])))',
      'told(lambda: shop("greet", "production").remote("Ada"))',
      'told(lambda: shop("count").remote(3))',
      'told(lambda: shop("count").spawn(3).get())',
      'told(lambda: list(greet.remote_gen("Ada")))',
      'told(lambda: shop("fail").remote())',
    );
    const wanted = [
      /^NotFound True False No version of the app nothing was deployed here/,
      /velar deployments/,
      /^NotFound True False shop has no function nothing in staging/,
      /It has greet, count/,
      /^NotFound True False shop has no function nothing in staging/,
      /It has greet, count/,
      /^NotFound True False shop is not deployed to production/,
      /velar promote shop/,
      /^RemoteTypeError False True shop.count is a generator.*\.remote_gen/,
      /^RemoteTypeError False True shop.count is a generator.*\.remote_gen/,
      /^RemoteTypeError False True shop.greet is no generator.*\.remote/,
      /^RemoteValueError False False no such luck/,
    ];
    wanted.forEach((pattern, index) => assert.match(lines[index] ?? '', pattern, lines.join('\n')));
  });

  it('belong to the environment that calls, and staging never reaches production', async () => {
    await velar('promote', 'shop', '--yes');
    workspace.write('shop.py', shop('good day'));
    await velar('deploy', 'shop.py');
    const lines = await printed(
      'print(greet.remote("Ada"), "|", shop("greet", "production").remote("Ada"))',
      'print(inside.remote("production"))',
      // What it calls in its own version, or by name without an environment, is of its own environment.
      'for environment in ("staging", "production"):',
      '    print(shop("own", environment).remote("x"), "|", shop("by_name", environment).remote(None))',
      'print(shop("by_name", "production").remote("staging"))',
      'print(shop("by_name", "production").remote("production"))',
      'told(lambda: shop("by_name").remote("production"))',
    );
    assert.deepEqual(lines.slice(0, 6), [
      'good day Ada | hello Ada',
      'hello Ada',
      'good day x | good day from inside',
      'hello x | hello from inside',
      'good day from inside',
      'hello from inside',
    ]);
    const refused = 'Refused False False What is deployed to staging calls nothing in production';
    assert.ok(lines[6]?.startsWith(refused), lines.join('\n'));
  });

  it('count as calls of their own app, and their prints are in the log of the run', async () => {
    assert.deepEqual(await printed('shop("speak").remote()'), ['spoken']);
    const cost = JSON.parse(await velar('cost', '--json')) as {
      rows: { app: string; function: string; ms: number }[];
    };
    const billed = cost.rows.filter(({ function: name, ms }) => name === 'speak' && ms > 0);
    assert.deepEqual([...new Set(billed.map(({ app }) => app))], ['shop']);
  });
});
