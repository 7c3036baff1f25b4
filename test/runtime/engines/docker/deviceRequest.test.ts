import assert from 'node:assert/strict';
import {
  deviceAccess,
  deviceRequest,
  type EngineDevices,
} from '../../../../runtime/engines/docker/deviceRequest';
import { startFailure } from '../../../../runtime/engines/docker/failures';
import { VelarError } from '../../../../runtime/protocol/errors';
import type { Gpu } from '../../../../runtime/protocol/methods';

const card = (index: number): Gpu => ({
  index,
  uuid: `GPU-0000000${index}`,
  name: 'NVIDIA L4',
  model: 'L4',
  memoryTotalBytes: 24_000_000_000,
  memoryUsedBytes: 0,
});

const engine = (given: Partial<EngineDevices> = {}): EngineDevices => ({
  runtimes: ['runc'],
  cdiDevices: [],
  cardsApart: true,
  ...given,
});

const NVIDIA = { Driver: 'nvidia', Capabilities: [['gpu', 'compute', 'utility']] };
const cdi = (...names: string[]): object => ({
  Driver: 'cdi',
  DeviceIDs: names.map((name) => `nvidia.com/gpu=${name}`),
});

function refusal(call: () => unknown): VelarError {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof VelarError);
    return error;
  }
  throw new Error('It was not refused.');
}

describe('Asking a Docker engine for cards', () => {
  it("asks for a container's own cards by their ids where the NVIDIA runtime is there", () => {
    const known = engine({ runtimes: ['runc', 'nvidia'], cdiDevices: ['nvidia.com/gpu=0'] });
    const one = { ...NVIDIA, DeviceIDs: ['GPU-00000001'] };
    assert.deepEqual(deviceRequest([card(1)], false, known), one);
    const both = { ...NVIDIA, DeviceIDs: ['GPU-00000000', 'GPU-00000001'] };
    // By id even where it gets them all: a card that is added later isn't this container's.
    assert.deepEqual(deviceRequest([card(0), card(1)], true, known), both);
    assert.equal(deviceAccess(known), 'nvidia');
  });

  it('asks NVIDIA where the engine tells of neither way: its hook may be there all the same', () => {
    assert.equal(deviceAccess(engine()), 'none');
    const asked = { ...NVIDIA, DeviceIDs: ['GPU-00000000'] };
    assert.deepEqual(deviceRequest([card(0)], true, engine()), asked);
  });

  it('names CDI devices as the specification names them: by id, else by number', () => {
    const byBoth = engine({ cdiDevices: ['nvidia.com/gpu=0', 'nvidia.com/gpu=GPU-00000000'] });
    assert.deepEqual(deviceRequest([card(0)], false, byBoth), cdi('GPU-00000000'));
    const byNumber = engine({ cdiDevices: ['nvidia.com/gpu=0', 'nvidia.com/gpu=1'] });
    assert.deepEqual(deviceRequest([card(1), card(0)], true, byNumber), cdi('1', '0'));
    assert.equal(deviceAccess(byNumber), 'cdi');
  });

  it('asks CDI for ids where the engine has a specification and does not tell what is in it', () => {
    const unlisted = engine({ cdiDevices: 'unlisted' });
    assert.deepEqual(deviceRequest([card(1)], false, unlisted), cdi('GPU-00000001'));
  });

  it('asks CDI for all of them where that is the only name, and the container gets all', () => {
    const onlyAll = engine({ cdiDevices: ['nvidia.com/gpu=all'] });
    assert.deepEqual(deviceRequest([card(0), card(1)], true, onlyAll), cdi('all'));
    const { message } = refusal(() => deviceRequest([card(1)], false, onlyAll));
    assert.match(message, /no CDI device for card 1 .*; it knows nvidia\.com\/gpu=all\./);
  });

  it('asks for all under WSL 2, which gives every card or none', () => {
    const wsl = { cardsApart: false };
    const nvidia = engine({ ...wsl, runtimes: ['nvidia'] });
    assert.deepEqual(deviceRequest([card(0)], true, nvidia), { ...NVIDIA, Count: -1 });
    const byCdi = engine({ ...wsl, cdiDevices: ['nvidia.com/gpu=all'] });
    assert.deepEqual(deviceRequest([card(0)], true, byCdi), cdi('all'));
    const { message, hint } = refusal(() => deviceRequest([card(0)], false, nvidia));
    assert.match(message, /every card of the machine, and 1 of them were asked for/);
    assert.match(hint ?? '', /as many cards as the machine has/);
  });

  it('says which card has no CDI device, which devices there are, and how to name it', () => {
    const other = engine({ cdiDevices: ['nvidia.com/gpu=0'] });
    const { code, message, hint } = refusal(() => deviceRequest([card(0), card(1)], true, other));
    assert.equal(code, 'unsupported');
    assert.equal(
      message,
      'Docker knows no CDI device for card 1 (NVIDIA L4, GPU-00000001); it knows nvidia.com/gpu=0.',
    );
    assert.match(hint ?? '', /nvidia-ctk cdi generate --output=\/etc\/cdi\/nvidia\.yaml/);
  });

  it('tells a CDI device that is gone from a toolkit that is missing', () => {
    const answer = (message: string): VelarError => startFailure({ json: { message } });
    const gone = 'CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=0';
    assert.match(answer(gone).hint ?? '', /^Run `sudo nvidia-ctk cdi generate/);
    const missing = 'could not select device driver "nvidia" with capabilities: [[gpu]]';
    assert.match(answer(missing).hint ?? '', /^Install the NVIDIA Container Toolkit/);
  });
});
