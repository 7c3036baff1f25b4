import type { Gpu } from '../../runtime/protocol/methods';

/** A card as a runtime lists it. */
export const L4_CARD: Gpu = {
  index: 0,
  uuid: 'GPU-1',
  name: 'NVIDIA L4',
  model: 'L4',
  memoryTotalBytes: 24e9,
  memoryUsedBytes: 5e9,
};
