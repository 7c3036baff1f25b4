/** Ids of runs, made by whoever begins one, so that a repeated start is recognised. */
import { randomBytes } from 'node:crypto';
import { sha256Hex } from './bundles';

/** A new one. */
export function newRunId(): string {
  return `run-${base36(randomBytes(10).toString('hex')).padStart(16, '0')}`;
}

/** The same one for the same parts. */
export function runIdOf(parts: readonly string[]): string {
  return `run-${base36(sha256Hex(JSON.stringify(parts)).slice(0, 32)).padStart(25, '0')}`;
}

function base36(hex: string): string {
  return BigInt(`0x${hex}`).toString(36);
}
