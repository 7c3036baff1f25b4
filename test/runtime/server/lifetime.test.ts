import assert from 'node:assert/strict';
import { Lifetime } from '../../../runtime/server/lifetime';

const HOUR = 3_600_000;

/** Reasons for which it ended, and the lifetime. */
function started(firstClientMs = HOUR, lastClientMs = HOUR) {
  const ends: string[] = [];
  let tell: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const lifetime = new Lifetime({ firstClientMs, lastClientMs }, (reason) => {
    ends.push(reason);
    tell();
  });
  return { lifetime, ends, ended };
}

const clients = (connected: number, expected = 0) => ({ connected, expected });

describe('lifetime of an embedded runtime', () => {
  it('ends when no client comes', async () => {
    const { ended, ends } = started(1);
    await ended;
    assert.deepEqual(ends, ['no client came']);
  });

  it('ends some time after the last client left, once', async () => {
    const { lifetime, ended, ends } = started(HOUR, 1);
    lifetime.clients(clients(1));
    lifetime.clients(clients(0));
    await ended;
    lifetime.parentEnded();
    assert.deepEqual(ends, ['the last client left']);
  });

  it('stays while a client is there, whoever started it', () => {
    const { lifetime, ends } = started();
    lifetime.clients(clients(2));
    lifetime.parentEnded();
    lifetime.clients(clients(1));
    assert.deepEqual(ends, []);
    lifetime.clients(clients(0));
    assert.equal(ends.length, 1);
  });

  it('waits for a client whose connection broke, even without its parent', () => {
    const { lifetime, ends } = started();
    lifetime.clients(clients(1));
    lifetime.clients(clients(0, 1));
    lifetime.parentEnded();
    assert.deepEqual(ends, []);
    lifetime.clients(clients(1));
    lifetime.clients(clients(0));
    assert.equal(ends.length, 1);
  });

  it('ends at once when its only client releases it, and not for one of several', () => {
    const one = started();
    one.lifetime.clients(clients(1));
    assert.equal(one.lifetime.release(), true);
    assert.deepEqual(one.ends, []);
    one.lifetime.clients(clients(0));
    assert.equal(one.ends.length, 1);

    const two = started();
    two.lifetime.clients(clients(2));
    assert.equal(two.lifetime.release(), false);
    two.lifetime.clients(clients(1));
    two.lifetime.clients(clients(0));
    assert.deepEqual(two.ends, []);
    two.lifetime.stop();
  });

  it('goes on when somebody else came after the release', () => {
    const { lifetime, ends } = started();
    lifetime.clients(clients(1));
    lifetime.release();
    lifetime.clients(clients(2));
    lifetime.clients(clients(1));
    lifetime.clients(clients(0));
    assert.deepEqual(ends, []);
    lifetime.stop();
  });
});
