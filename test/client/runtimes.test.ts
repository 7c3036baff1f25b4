import * as assert from 'node:assert/strict';
import { RuntimeList, type RuntimeEntry } from '../../src/client/runtimes';

function memoryList(): RuntimeList {
  let stored: unknown;
  const tokens = new Map<string, string>();
  return new RuntimeList(
    {
      read: () => Promise.resolve(stored),
      write: (value) => {
        stored = JSON.parse(JSON.stringify(value));
        return Promise.resolve();
      },
    },
    {
      get: (id) => Promise.resolve(tokens.get(id)),
      set: (id, token) => Promise.resolve(void tokens.set(id, token)),
      delete: (id) => Promise.resolve(void tokens.delete(id)),
    },
  );
}

function entry(id: string, name: string): RuntimeEntry {
  return { id, name, url: `wss://${name}:1`, fingerprint: 'aa', device: 'dev-1', pairedAt: 1 };
}

describe('the list of paired runtimes', () => {
  it('sends runs to the one paired last, and back to the embedded one when that goes', async () => {
    const list = memoryList();
    assert.equal(await list.selected(), undefined);
    await list.add(entry('a', 'box'), 'token-a');
    await list.add(entry('b', 'rig'), 'token-b');
    assert.equal((await list.selected())?.name, 'rig');
    await list.remove('rig');
    assert.equal(await list.selected(), undefined);
    await list.select('box');
    assert.deepEqual(await list.address('box'), {
      url: 'wss://box:1',
      token: 'token-a',
      fingerprint: 'aa',
    });
  });

  it('keeps names apart, and replaces a runtime that is paired again', async () => {
    const list = memoryList();
    await list.add(entry('a', 'box'), 'old');
    assert.equal((await list.add(entry('b', 'box'), 't')).name, 'box-2');
    assert.equal((await list.add(entry('c', 'local'), 't')).name, 'local-2');
    await list.add(entry('a', 'box'), 'new');
    assert.equal((await list.list()).length, 3);
    assert.equal((await list.address('a')).token, 'new');
  });

  it('names what there is when one is not found', async () => {
    const list = memoryList();
    await assert.rejects(list.address('box'), /No paired runtime/);
    await list.add(entry('a', 'box'), 't');
    await assert.rejects(list.select('bx'), { code: 'not-found', hint: 'There are: box.' });
  });
});
