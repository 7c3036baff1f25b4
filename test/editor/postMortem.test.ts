import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { PostMortem } from '../../runtime/protocol/postMortem';
import { PostMortemAdapter } from '../../src/editor/debug/postMortem/adapter';

const FRAMES: PostMortem = {
  truncated: false,
  values: [
    { type: 'KeyError', text: '', children: [['args', 1]] },
    { type: 'tuple', text: '1 item', children: [['[0]', 2]] },
    { type: 'str', text: "it's" },
    {
      type: 'dict',
      text: '2 items',
      children: [
        ["['a']", 4],
        ['["it\'s"]', 5],
      ],
    },
    { type: 'list', text: '3 items', children: [['[0]', 5]], more: 2 },
    { type: 'int', text: '7' },
    { type: 'torch.Tensor', text: 'shape (2, 3), torch.float16, on cuda:0' },
    { type: 'models.Net', text: '', children: [['weight', 6]] },
  ],
  exceptions: [
    {
      type: 'RuntimeError',
      message: 'no',
      relation: 'raised',
      value: 0,
      leftOut: 0,
      frames: [
        {
          file: 'a/b.py',
          line: 7,
          function: 'f',
          text: 'x()',
          locals: [
            ['config', 3],
            ['net', 7],
          ],
          moreLocals: 2,
        },
        {
          file: '/usr/lib/lib.py',
          line: 9,
          function: 'g',
          text: 'call(f)',
          locals: [],
          moreLocals: 0,
        },
      ],
    },
    { type: 'KeyError', message: "'k'", relation: 'cause', value: 0, leftOut: 0, frames: [] },
  ],
};

describe('the debug adapter of a failure', () => {
  let adapter: PostMortemAdapter;
  let sent: Record<string, unknown>[];
  let seq = 0;

  beforeEach(() => {
    sent = [];
    adapter = new PostMortemAdapter(FRAMES, (file) =>
      file.startsWith('/') ? undefined : vscode.Uri.file(`/w/${file}`),
    );
    adapter.onDidSendMessage((message) => sent.push({ ...message }));
  });
  afterEach(() => adapter.dispose());

  function ask(command: string, given: Record<string, unknown> = {}): Record<string, unknown> {
    seq += 1;
    const request = { type: 'request', seq, command, arguments: given };
    adapter.handleMessage(request);
    const response = sent.find((each) => each['request_seq'] === seq);
    assert.ok(response, `no response to ${command}`);
    return response;
  }

  function body<T>(command: string, given: Record<string, unknown> = {}): T {
    const response = ask(command, given);
    assert.equal(response['success'], true, String(response['message']));
    return response['body'] as T;
  }

  interface Shown {
    name: string;
    value: string;
    variablesReference: number;
  }
  const inside = (reference: number): Shown[] =>
    body<{ variables: Shown[] }>('variables', { variablesReference: reference }).variables;

  it('stops at once, with the frames of the error and of its cause', () => {
    body('initialize');
    body('attach');
    body('configurationDone');
    assert.deepEqual(
      sent.filter(({ type }) => type === 'event').map(({ event }) => event),
      ['initialized', 'stopped'],
    );
    const { stackFrames } = body<{
      stackFrames: { name: string; source?: { path: string; sourceReference?: number } }[];
    }>('stackTrace');
    assert.deepEqual(
      stackFrames.map(({ name }) => name),
      ['f', 'g', "caused by KeyError: 'k'"],
    );
    assert.equal(stackFrames[0]?.source?.path, vscode.Uri.file('/w/a/b.py').fsPath);
    const { content } = body<{ content: string }>('source', {
      sourceReference: stackFrames[1]?.source?.sourceReference,
    });
    assert.match(content, /^call\(f\)\n\n# \/usr\/lib\/lib.py, line 9/);
    assert.deepEqual(
      body<{ exceptionId: string; description: string }>('exceptionInfo').exceptionId,
      'RuntimeError',
    );
  });

  it('shows variables as they were captured, and says what is missing', () => {
    const { scopes } = body<{ scopes: Shown[] }>('scopes', { frameId: 0 });
    assert.deepEqual(
      scopes.map(({ name }) => name),
      ['Locals', 'Exception'],
    );
    const locals = inside(scopes[0]?.variablesReference ?? 0);
    assert.deepEqual(
      locals.map(({ name, value }) => [name, value]),
      [
        ['config', `dict, 2 items: ['a']: list, ["it's"]: 7`],
        ['net', 'models.Net {weight: torch.Tensor}'],
        ['…', '2 more, not captured'],
      ],
    );
    const config = inside(locals[0]?.variablesReference ?? 0);
    assert.deepEqual(
      inside(config[0]?.variablesReference ?? 0).map(({ value }) => value),
      ['7', '2 more, not captured'],
    );
  });

  it('evaluates names, attributes and items, and nothing else', () => {
    const result = (expression: string): string =>
      body<{ result: string }>('evaluate', { expression, frameId: 0 }).result;
    assert.equal(result('config["a"][0]'), '7');
    assert.equal(result(` config['a'][0] `), '7');
    assert.equal(result(`config["it's"]`), '7');
    assert.match(result('net.weight'), /shape \(2, 3\), torch.float16, on cuda:0/);
    for (const [expression, reason] of [
      ['other', /other was not captured in f/],
      ['net.bias', /net.bias was not captured/],
      ['config["a"][5]', /config\['a'\]\[5\] was not captured/],
      ['len(config)', /Only names, attributes and items/],
      ['config.', /Only names/],
      ['.config', /Only names/],
      ['[0]', /Only names/],
      ['', /Only names/],
    ] as const) {
      const response = ask('evaluate', { expression, frameId: 0 });
      assert.equal(response['success'], false, expression);
      assert.match(String(response['message']), reason, expression);
    }
  });

  it('does not step, and ends when it is told to', () => {
    for (const command of ['next', 'stepIn', 'continue', 'setVariable']) {
      const response = ask(command);
      assert.equal(response['success'], false);
      assert.match(String(response['message']), /This run is over/);
    }
    body('disconnect');
    assert.equal(sent.at(-1)?.['event'], 'terminated');
  });
});
