import assert from 'node:assert/strict';
import { causedByMemory, type MemoryEvent } from '../../../../runtime/engines/docker/memoryEnds';

const event = (Action: string, ms: number, signal?: string): MemoryEvent => ({
  Action,
  timeNano: ms * 1e6,
  Actor: { Attributes: signal === undefined ? {} : { signal } },
});

describe('The end of a container by SIGKILL', () => {
  it('was a lack of memory where that came just before, whoever was to kill it then', () => {
    assert.equal(causedByMemory([event('oom', 9_900)], 10_000, 0), true);
    // The engine writes down what it was told a moment later.
    assert.equal(causedByMemory([event('oom', 10_200)], 10_000, 0), true);
    // Its worker's socket was closed, so the runtime had it killed.
    const killed = [event('oom', 9_900), event('kill', 9_950, '9')];
    assert.equal(causedByMemory(killed, 10_000, 1), true);
  });

  it('was none where a process of it had run out of memory earlier', () => {
    assert.equal(causedByMemory([event('oom', 1_000)], 10_000, 0), false);
    assert.equal(causedByMemory([], 10_000, 0), false);
  });

  it('was none where somebody else killed it after that', () => {
    const killed = [event('oom', 9_900), event('kill', 9_950, '9')];
    assert.equal(causedByMemory(killed, 10_000, 0), false);
    const twice = [...killed, event('kill', 9_960, '9')];
    assert.equal(causedByMemory(twice, 10_000, 1), false);
    // Asked to end, which it did not heed, before memory ran out.
    const asked = [event('kill', 9_000, '15'), event('oom', 9_900)];
    assert.equal(causedByMemory(asked, 10_000, 0), true);
  });
});
