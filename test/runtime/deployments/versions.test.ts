import assert from 'node:assert/strict';
import { openApi } from '../../../runtime/deployments/openApi';
import { diffVersions } from '../../../runtime/deployments/versionDiff';
import type { DeployedFunction } from '../../../runtime/protocol/deployments';
import type { FileEntry } from '../../../runtime/protocol/methods';
import { argumentsOf } from '../../../runtime/server/endpointArguments';
import { serverTiming } from '../../../runtime/server/serverTiming';
import { madeUpFunction as fn, madeUpVersion as version } from './madeUpVersion';

type Parameter = DeployedFunction['parameters'][number];

const parameter = (name: string, more: Partial<Parameter> = {}): Parameter => ({
  name,
  annotation: null,
  default: null,
  kind: 'positional_or_keyword',
  ...more,
});

const file = (path: string, sha256: string): FileEntry => ({ path, sha256, size: 1, mode: 0o644 });
const free = (): undefined => undefined;

describe('the diff of two versions', () => {
  const base = fn();
  const linesOf = (was: DeployedFunction, is: DeployedFunction): string[] =>
    diffVersions(
      { version: version(1, [was]), files: [] },
      { version: version(2, [is]), files: [] },
      ({ options: { gpu } }) => (gpu.length === 0 ? undefined : 4.18),
    ).lines;

  it('names files and functions that come, go and change', () => {
    const diff = diffVersions(
      {
        version: version(1, [fn({ qualname: 'old' }), base]),
        files: [file('a', '1'), file('b', '1')],
      },
      {
        version: version(2, [base, fn({ qualname: 'new' })]),
        files: [file('b', '2'), file('c', '1')],
      },
      free,
    );
    assert.deepEqual(diff, {
      from: 1,
      to: 2,
      files: [
        { path: 'a', change: 'removed' },
        { path: 'b', change: 'changed' },
        { path: 'c', change: 'added' },
      ],
      lines: [
        'new is new, on CPU, not billed while warm',
        'old is removed: its endpoint answers 404',
      ],
    });
  });

  it('tells GPU, cost, parameters, options and image as they are written', () => {
    const changed = fn({
      parameters: [parameter('n', { annotation: 'int', default: '1' })],
      imageKey: 'image-2',
      image: {
        base: base.image.base,
        layers: [{ kind: 'pip', packages: ['torch'], line: 7 }],
      },
      options: {
        ...base.options,
        gpu: [{ name: 'A100', count: 2 }],
        timeoutMs: 60_000,
        maxContainers: 4,
        memoryMiB: 2048,
        minContainers: 1,
        env: { MODE: 's3cret' },
        secrets: ['store'],
        volumes: { '/data': 'models' },
      },
    });
    assert.deepEqual(linesOf(base, changed), [
      'f: GPU CPU → A100:2',
      'f: cost not billed → $4.18/h while warm',
      'f: kept warm at $0/h → $4.18/h at all times',
      'f: parameters () → (n: int = 1)',
      'f: timeout 300 s → 60 s',
      'f: min_containers 0 → 1',
      'f: max_containers no limit → 4',
      'f: memory not set → 2048 MiB',
      'f: + environment variable MODE',
      'f: + secret store',
      'f: + volume models at /data',
      'f: + package torch',
    ]);
  });

  it('tells packages of an image by name, and never the value of a variable', () => {
    const image = (key: string, ...layers: DeployedFunction['image']['layers']) =>
      fn({ imageKey: key, image: { base: base.image.base, layers } });
    const was = image(
      'a',
      { kind: 'pip', packages: ['torch==2.0', 'numpy', 'Pillow>=9'], line: 1 },
      { kind: 'env', variables: { TOKEN: 's3cret', OLD: '1' } },
      { kind: 'apt', packages: ['ffmpeg'] },
    );
    const is = image(
      'b',
      { kind: 'pip', packages: ['pillow>=9', 'TORCH==2.1'], line: 9 },
      { kind: 'pip', packages: ['accelerate==1.0'] },
      { kind: 'env', variables: { TOKEN: 'other-s3cret' } },
      { kind: 'run', commands: ['make'] },
    );
    const lines = linesOf(was, is);
    assert.deepEqual(lines, [
      'f: + package accelerate 1.0',
      'f: − package numpy',
      'f: package torch 2.0 → 2.1',
      'f: − system package ffmpeg',
      'f: − image variable OLD',
      'f: image variable TOKEN has another value',
      'f: + image step run make',
    ]);
    assert.ok(!lines.join().includes('s3cret'));
    const moved = image('c', ...is.image.layers.toReversed());
    assert.deepEqual(linesOf(is, moved), ['f: image steps in another order']);
    const files = { ...is, imageKey: 'd' };
    assert.deepEqual(linesOf(is, files), ['f: image changes by the files it takes']);
  });

  it('says once what several functions share, and what files it lacks', () => {
    const slower = { ...base.options, timeoutMs: 90_000 };
    const { files, lines } = diffVersions(
      { version: version(1, [base, fn({ qualname: 'g' })]), files: undefined },
      {
        version: version(2, [fn({ options: slower }), fn({ qualname: 'g', options: slower })]),
        files: [file('a', '1')],
      },
      free,
    );
    assert.deepEqual(files, []);
    assert.deepEqual(lines, [
      'files of version 1 are no longer on the runtime: its code is not compared',
      'f, g: timeout 300 s → 90 s',
    ]);
  });

  it('is empty for what is the same, and whole where nothing is served', () => {
    const side = { version: version(3, [base]), files: [file('a', '1')] };
    const same = diffVersions(side, side, free);
    assert.deepEqual([same.files, same.lines], [[], []]);
    const first = diffVersions(undefined, side, free);
    assert.deepEqual([first.from, first.files.length, first.lines.length], [null, 1, 1]);
  });
});

describe('arguments of an endpoint', () => {
  const takes = (...parameters: Parameter[]) => fn({ parameters });
  const two = takes(parameter('a'), parameter('b', { default: '2', kind: 'keyword_only' }));

  it('come by name or by position', () => {
    assert.deepEqual(argumentsOf({ a: 1, b: [2] }, two).args, {
      args: [],
      kwargs: { a: { json: 1 }, b: { json: [2] } },
    });
    assert.deepEqual(argumentsOf([1], two).args, { args: [{ json: 1 }], kwargs: {} });
    assert.deepEqual(argumentsOf(undefined, takes()).args, { args: [], kwargs: {} });
  });

  it('come both ways at once, what Python takes by position only in a list', () => {
    const mixed = takes(parameter('x', { kind: 'positional_only' }), parameter('y'));
    assert.deepEqual(argumentsOf({ $args: [1], y: 2 }, mixed).args, {
      args: [{ json: 1 }],
      kwargs: { y: { json: 2 } },
    });
  });

  it('are refused with each thing that does not fit', () => {
    const refused = (body: unknown, of = two): string => {
      try {
        argumentsOf(body, of);
      } catch (error) {
        return (error as Error).message;
      }
      throw new Error('It was taken.');
    };
    assert.match(refused({ c: 1, d: 2 }), /a is missing; it has no parameter c; .*no parameter d/);
    assert.match(refused([1, 2]), /1 arguments by position, not 2/);
    assert.match(refused([]), /a is missing/);
    assert.match(refused(5), /object by name, or a list/);
    assert.match(refused(null), /object by name, or a list/);
    assert.match(refused({ a: 1, $instance: {} }), /of a method/);
    assert.match(refused({ $args: [1], a: 2 }), /a is given twice/);
    assert.match(refused({ $args: [1, 2] }), /1 arguments by position, not 2/);
    assert.match(refused({ $args: 1, a: 1 }), /by position, as a list/);
  });

  it('may be any where the function takes any', () => {
    const open = takes(
      parameter('args', { kind: 'var_positional' }),
      parameter('kwargs', { kind: 'var_keyword' }),
    );
    assert.equal(argumentsOf([1, 2, 3], open).args.args.length, 3);
    assert.deepEqual(Object.keys(argumentsOf({ x: 1 }, open).args.kwargs), ['x']);
  });

  it('make the object of a method', () => {
    const method = fn({ kind: 'method' });
    assert.deepEqual(argumentsOf({ $instance: { base: 1 } }, method).instance, {
      args: [],
      kwargs: { base: { json: 1 } },
    });
    assert.deepEqual(argumentsOf({}, method).instance, { args: [], kwargs: {} });
    assert.equal(argumentsOf({}, takes()).instance, undefined);
    const made = fn({ kind: 'method', constructorParameters: [parameter('base')] });
    assert.throws(() => argumentsOf({}, made), /`\$instance` does not fit: base is missing/);
    assert.throws(() => argumentsOf([], made), /`\$instance` does not fit: base is missing/);
    assert.throws(() => argumentsOf({ $instance: { base: 1, x: 2 } }, made), /no parameter x/);
    assert.deepEqual(argumentsOf({ $instance: { base: 1 } }, made).instance?.kwargs, {
      base: { json: 1 },
    });
  });
});

interface Operation {
  description?: string;
  requestBody: { content: { 'application/json': { schema: Record<string, unknown> } } };
  responses: Record<string, { content?: object }>;
}

describe('the OpenAPI document', () => {
  const operationOf = (made: DeployedFunction, path = `demo/${made.qualname}`): Operation => {
    const document = openApi(version(2, [made]), 'staging') as {
      info: { version: string };
      paths: Record<string, { post: Operation }>;
    };
    assert.equal(document.info.version, '2');
    const found = document.paths[`/v1/endpoints/staging/${path}`]?.post;
    assert.ok(found !== undefined, JSON.stringify(document.paths));
    return found;
  };
  const schemaOf = (...parameters: Parameter[]): Record<string, unknown> =>
    operationOf(fn({ parameters })).requestBody.content['application/json'].schema;

  it('knows usual annotations and leaves others open', () => {
    const text = { type: 'string' };
    const none = { type: 'null' };
    const whole = { type: 'integer' };
    const known: Record<string, object> = {
      int: whole,
      'Optional[str]': { anyOf: [text, none] },
      'list[float]': { type: 'array', items: { type: 'number' } },
      'list[int] | None': { anyOf: [{ type: 'array', items: whole }, none] },
      'typing.Union[int, list[str]]': { anyOf: [whole, { type: 'array', items: text }] },
      'dict[str, int]': { type: 'object' },
      'Literal["a|b", \'c\', 3]': { enum: ['a|b', 'c', 3] },
      'Literal[Colour.RED]': {},
      'np.ndarray': {},
      "'bool'": { type: 'boolean' },
    };
    for (const [annotation, schema] of Object.entries(known)) {
      const { properties } = schemaOf(parameter('p', { annotation }));
      assert.deepEqual(properties, { p: { title: `p: ${annotation}`, ...schema } });
    }
  });

  it('says what is required, and where arguments by position and of any name go', () => {
    const schema = schemaOf(
      parameter('a', { kind: 'positional_only', annotation: 'int' }),
      parameter('b', { default: '2' }),
      parameter('rest', { kind: 'var_positional', annotation: 'str' }),
      parameter('c', { kind: 'keyword_only' }),
      parameter('more', { kind: 'var_keyword', annotation: 'float' }),
    );
    assert.deepEqual(schema, {
      type: 'object',
      properties: {
        $args: {
          title: 'a: int, *rest: str',
          type: 'array',
          description: 'Arguments by position.',
          prefixItems: [{ title: 'a: int', type: 'integer' }],
          items: { type: 'string' },
          minItems: 1,
        },
        b: { title: 'b', description: 'Default: 2' },
        c: { title: 'c' },
      },
      required: ['$args', 'c'],
      additionalProperties: { type: 'number' },
    });
  });

  it('tells the docstring, streams, and names that need encoding', () => {
    const { description, responses } = operationOf(fn({ doc: 'Counts.', generator: true }));
    assert.equal(description, 'Counts.');
    assert.deepEqual(Object.keys(responses['200']?.content ?? {}), ['text/event-stream']);
    const method = operationOf(
      fn({ qualname: 'Ädder.add', kind: 'method' }),
      'demo/%C3%84dder.add',
    );
    assert.deepEqual(method.requestBody.content['application/json'].schema['properties'], {
      $instance: {
        title: 'Ädder(…)',
        type: 'object',
        required: [],
        description: 'Arguments that Ädder is made with, by name.',
      },
    });
    const made = operationOf(
      fn({
        qualname: 'Adder.add',
        kind: 'method',
        constructorParameters: [parameter('base', { annotation: 'int' })],
      }),
    ).requestBody.content['application/json'].schema;
    assert.deepEqual(made['required'], ['$instance']);
    assert.deepEqual((made['properties'] as Record<string, unknown>)['$instance'], {
      title: 'Adder(…)',
      description: 'Arguments that Adder is made with, by name.',
      type: 'object',
      properties: { base: { title: 'base: int', type: 'integer' } },
      required: ['base'],
      additionalProperties: false,
    });
  });
});

describe('Server-Timing', () => {
  it('adds phases up as a caller asks for them', () => {
    const ended = (phase: 'queued' | 'image' | 'imports' | 'running', ms: number) =>
      ({ type: 'phase', at: 0, phase, status: 'done', ms }) as const;
    const header = serverTiming([
      ended('queued', 1.2345),
      ended('image', 10),
      ended('imports', 5.5),
      ended('running', 2),
    ]);
    assert.equal(header, 'queue;dur=1.234, cold-start;dur=15.5, model-load;dur=0, execution;dur=2');
  });
});
