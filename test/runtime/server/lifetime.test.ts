import assert from 'node:assert/strict';
import { embeddedLimits, Lifetime } from '../../../runtime/server/lifetime';

const HOUR = 3_600_000;

/** Reasons for which it ended, and the lifetime. */
function started(firstClientMs = HOUR, lastClientMs = HOUR, runsMs = 0) {
  const ends: string[] = [];
  const told: string[] = [];
  let tell: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const lifetime = new Lifetime(
    { firstClientMs, lastClientMs, runsMs },
    (reason) => {
      ends.push(reason);
      tell();
    },
    (message) => told.push(message),
  );
  return { lifetime, ends, ended, told };
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

  it('stays for runs that go on, says so once, and ends some time after the last of them', async () => {
    const { lifetime, ends, ended, told } = started(HOUR, 1, HOUR);
    lifetime.clients(clients(1));
    lifetime.runs(2);
    lifetime.parentEnded();
    lifetime.clients(clients(0, 1));
    lifetime.clients(clients(0));
    lifetime.runs(1);
    assert.deepEqual([ends, told.length], [[], 1]);
    assert.match(told[0] ?? '', /2 runs go on: stays up for 1 h/);
    lifetime.runs(0);
    assert.deepEqual(ends, []);
    await ended;
    assert.deepEqual(ends, ['its last run ended, and no client is there']);
  });

  it('is not ended by a release while runs go on, nor by their end once a client is there', () => {
    const { lifetime, ends } = started(HOUR, 1, HOUR);
    lifetime.clients(clients(1));
    lifetime.runs(1);
    assert.equal(lifetime.release(), false);
    lifetime.clients(clients(0));
    lifetime.clients(clients(1));
    lifetime.runs(0);
    assert.deepEqual(ends, []);
    lifetime.stop();
  });

  it('stays for runs no longer than its limit, and not at all where that is 0', async () => {
    const short = started(HOUR, HOUR, 1);
    short.lifetime.clients(clients(1));
    short.lifetime.runs(1);
    short.lifetime.parentEnded();
    short.lifetime.clients(clients(0));
    await short.ended;
    assert.match(short.ends[0] ?? '', /^no client came back/);

    const none = started();
    none.lifetime.clients(clients(1));
    none.lifetime.runs(1);
    none.lifetime.parentEnded();
    none.lifetime.clients(clients(0));
    assert.deepEqual(none.ends, ['the process that started it ended']);
  });

  it('has its limit from the environment, where that names a number of hours', () => {
    const hours = (given: string): number =>
      embeddedLimits({ VELAR_AWAY_HOURS: given }).runsMs / HOUR;
    assert.deepEqual(['0', '1.5', '', 'soon', '-1'].map(hours), [0, 1.5, 12, 12, 12]);
  });
});
