import assert from 'node:assert/strict';
import { cardServes, gpuLabel, modelOf } from '../../../runtime/gpu/names';

describe('GPU names', () => {
  const cards: [string, string | null][] = [
    ['NVIDIA L4', 'L4'],
    ['NVIDIA L40S', 'L40S'],
    ['NVIDIA L40', 'L40'],
    ['NVIDIA A100-SXM4-80GB', 'A100'],
    ['NVIDIA A100 80GB PCIe', 'A100'],
    ['NVIDIA H100 PCIe', 'H100'],
    ['NVIDIA H100 80GB HBM3', 'H100-SXM'],
    ['NVIDIA H200', 'H200'],
    ['NVIDIA GeForce RTX 4090', 'RTX4090'],
    ['NVIDIA A10G', 'A10'],
    ['Tesla T4', 'T4'],
    ['NVIDIA GeForce GTX 1080', null],
  ];
  for (const [card, model] of cards) {
    it(`knows ${card} as ${model ?? 'no model of its own'}`, () => {
      assert.equal(modelOf(card), model);
    });
  }

  it('match a request to the cards that serve it, and to no others', () => {
    assert.ok(cardServes('NVIDIA L4', 'l4'));
    assert.ok(cardServes('NVIDIA H100 80GB HBM3', 'H100'));
    assert.ok(cardServes('NVIDIA H100 80GB HBM3', 'H100-SXM'));
    assert.ok(!cardServes('NVIDIA H100 PCIe', 'H100-SXM'));
    assert.ok(!cardServes('NVIDIA L40S', 'L4'));
    assert.ok(cardServes('NVIDIA GeForce GTX 1080', 'GeForce GTX 1080'));
    assert.ok(cardServes('NVIDIA L4', 'any'));
  });

  it('carry their count', () => {
    assert.equal(gpuLabel('A100', 2), 'A100:2');
    assert.equal(gpuLabel('L4', 1), 'L4');
  });
});
