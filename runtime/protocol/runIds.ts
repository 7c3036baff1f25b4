/** Ids of runs, made by whoever begins one, so that a repeated start is recognised. */
import { randomBytes } from 'node:crypto';

/** A new one. */
export function newRunId(): string {
  return `run-${base36(randomBytes(10).toString('hex')).padStart(16, '0')}`;
}

function base36(hex: string): string {
  return BigInt(`0x${hex}`).toString(36);
}
