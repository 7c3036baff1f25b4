import * as assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDotenv } from '../../src/cli/dotenv';
import { Workspace } from './velar';

const APP = `
import os
import velar

app = velar.App("keys")


@app.function(secrets=[velar.Secret.from_name("keys")])
def lengths():
    return {name: len(os.environ[name]) for name in ("GIVEN", "PIPED", "FROM_FILE")}
`;
const PIPED = 'a-value-from-a-pipe';

describe('velar secret', function () {
  this.timeout(120_000);
  const workspace = new Workspace({
    'keys.py': APP,
    '.env.keys': '# comment\nexport FROM_FILE="a b"\n',
  });
  after(() => {
    workspace.remove();
  });

  it('sets by argument, pipe and file; a run gets the values, and no command or log shows them', async () => {
    const missing = await workspace.run('run', 'keys.py::lengths');
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /velar secret set keys VARIABLE/);
    const given = ['secret', 'set', 'keys', 'GIVEN=some-given-value', 'PIPED', '--json'];
    const set = await workspace.start([...given, '--from-file', '.env.keys'], {}, `${PIPED}\n`)
      .ended;
    assert.equal(set.code, 0, set.stderr);
    const answer = JSON.parse(set.stdout) as { secret: { variables: string[] } };
    assert.deepEqual(answer.secret.variables, ['FROM_FILE', 'GIVEN', 'PIPED']);
    const run = await workspace.run('run', 'keys.py::lengths');
    assert.deepEqual(JSON.parse(run.stdout), { GIVEN: 16, PIPED: PIPED.length, FROM_FILE: 3 });
    const listed = await workspace.run('secret', 'list');
    assert.match(listed.stdout, /keys +FROM_FILE GIVEN PIPED/);
    const log = readFileSync(join(workspace.home, 'runtime.log'), 'utf8');
    const shown = [set, run, listed, await workspace.run('ps', '--all', '--json')];
    for (const text of [log, ...shown.map(({ stdout, stderr }) => stdout + stderr)]) {
      assert.equal(text.includes(PIPED) || text.includes('some-given-value'), false, text);
    }
  });

  it('of an environment stand in place of the others for what is deployed there, and nowhere else', async () => {
    workspace.write(
      'shown.py',
      `import os
import velar

app = velar.App("shown")


@app.function(secrets=[velar.Secret.from_name("shown")])
def lengths():
    return {name: len(os.environ.get(name, "")) for name in ("KEY", "MORE")}
`,
    );
    const done = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await workspace.run(...args);
      assert.equal(code, 0, stderr);
      return stdout;
    };
    const called = async (environment: string): Promise<unknown> =>
      JSON.parse(await done('call', 'shown.lengths', '--env', environment));
    await done('secret', 'set', 'shown', 'KEY=plain-value', 'MORE=plain-only');
    const said = await done('secret', 'set', 'shown', 'KEY=of-staging-value', '--env', 'staging');
    assert.match(said, /shown has KEY in staging, and nothing else there/);
    const short = [
      'secret',
      'set',
      'short',
      'PIN=4711',
      'LONG=long-enough',
      'LINES=ab\nlong-enough',
    ];
    const warned = await workspace.run(...short);
    assert.match(
      warned.stderr,
      /^PIN is shorter than 8 characters, so logs, results and errors show/,
    );
    assert.doesNotMatch(warned.stdout + warned.stderr, /4711/);
    await done('deploy', 'shown.py');
    await done('promote', 'shown', '--yes');
    const [plain, staging] = [
      { KEY: 'plain-value'.length, MORE: 'plain-only'.length },
      { KEY: 'of-staging-value'.length, MORE: 0 },
    ];
    assert.deepEqual(await called('staging'), staging, 'none of the others is mixed in');
    assert.deepEqual(await called('production'), plain);
    assert.deepEqual(JSON.parse(await done('run', 'shown.py::lengths')), plain);
    const listed = await done('secret', 'list');
    assert.match(listed, /^shown +KEY MORE +\(all others\)[^]*^shown +KEY +staging/m);
    await done('secret', 'remove', 'shown', '--env', 'staging', '--yes');
    assert.deepEqual(await called('staging'), plain);
    const again = await workspace.run('secret', 'remove', 'shown', '--env', 'staging', '--yes');
    assert.match(again.stderr, /no secret named shown for staging alone/);
    assert.equal((await workspace.run('secret', 'set', 'shown', 'A=1', '--env', 'test')).code, 2);
  });

  it('removes only with a word, and says what is wrong with what was given', async () => {
    await workspace.run('secret', 'set', 'gone', 'A=1');
    const asked = await workspace.run('secret', 'remove', 'gone');
    assert.equal(asked.code, 2);
    assert.match(asked.stderr, /--yes/);
    const removed = await workspace.run('secret', 'remove', 'gone', '--yes', '--json');
    assert.deepEqual(JSON.parse(removed.stdout), { removed: 'gone' });
    const again = await workspace.run('secret', 'remove', 'gone', '--yes');
    assert.equal(again.code, 2);
    for (const args of [
      ['x', 'A B=1'],
      ['x', '1A=1'],
      ['../x', 'A=1'],
      ['x', 'A', 'B'],
      ['x', 'A'],
      ['x'],
      ['x', '--from-file', 'none.env'],
    ]) {
      const { code, stderr } = await workspace.run('secret', 'set', ...args);
      assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
    }
    assert.equal(existsSync(join(workspace.home, 'secrets.json')), false);
  });
});

describe('a .env file', () => {
  it('is read as shells and other tools read it', () => {
    const text = [
      '\uFEFF# comment',
      'PLAIN=a b # comment',
      "export SINGLE='a\\n$b # no comment'",
      'DOUBLE = "line one\\nline \\"two\\"" # comment',
      'KEY="-----BEGIN',
      'abc=',
      '-----END"',
      'EMPTY=',
      'HASH=a#b',
      '',
    ].join('\r\n');
    assert.deepEqual(parseDotenv(text), {
      PLAIN: 'a b',
      SINGLE: 'a\\n$b # no comment',
      DOUBLE: 'line one\nline "two"',
      KEY: '-----BEGIN\nabc=\n-----END',
      EMPTY: '',
      HASH: 'a#b',
    });
    assert.throws(() => parseDotenv('A=1\nnonsense secret\n'), {
      code: 'invalid',
      message: /Line 2/,
    });
  });
});
