import assert from 'node:assert/strict';
import { Harness } from './harness';

describe('secrets over the link', () => {
  let harness: Harness;
  beforeEach(async () => {
    harness = await Harness.start();
  });
  afterEach(() => harness.stop());

  it('are set, listed without values, and removed', async () => {
    const client = await harness.connected();
    const values = { B: 'value-of-b', A: 'value-of-a' };
    const { secret } = await client.request('secrets.set', { name: 'hf', values });
    assert.deepEqual([secret.name, secret.variables], ['hf', ['A', 'B']]);
    const { secrets } = await client.request('secrets.list', {});
    assert.deepEqual(secrets, [secret]);
    assert.equal(JSON.stringify([secret, secrets]).includes('value-of'), false);
    assert.deepEqual(harness.store.secrets.values('hf'), values);
    await client.request('secrets.remove', { name: 'hf' });
    assert.deepEqual((await client.request('secrets.list', {})).secrets, []);
    await assert.rejects(client.request('secrets.remove', { name: 'hf' }), { code: 'not-found' });
  });

  it('are refused under names that are none, without a word of their values', async () => {
    const client = await harness.connected();
    const bad = [
      { name: '../x', values: { A: 'hidden-value' } },
      { name: 'x', values: { 'A B': 'hidden-value' } },
      { name: 'x', values: { A: 'hidden-value\0' } },
      { name: 'x', values: {} },
      { name: 'x', values: { A: 'hidden-value'.repeat(10_000) } },
    ];
    for (const params of bad) {
      await assert.rejects(client.request('secrets.set', params), (error: Error) => {
        assert.match(error.message, /secrets\.set/);
        return !error.message.includes('hidden-value');
      });
    }
    assert.deepEqual((await client.request('secrets.list', {})).secrets, []);
  });
});
