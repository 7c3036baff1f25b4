/** What is said of the things on a runtime's disk: the same in the command line and the editor. Pure. */
import { formatBytes } from '../../runtime/protocol/figures';
import type { StorageItem } from '../../runtime/protocol/resources';

/** When something was used last, in local time. */
export function lastUsedText({ inUse, lastUsedAt }: StorageItem): string {
  if (inUse) return 'in use';
  return lastUsedAt === null ? 'unknown' : new Date(lastUsedAt).toLocaleString();
}

/** False where the runtime would refuse. Of runs and bundles, what is in use stays and the rest goes. */
export function isRemovable({ kind, inUse }: StorageItem): boolean {
  return !inUse || kind === 'runs' || kind === 'bundles';
}

/** What a removal has freed. */
export function freedText(bytes: number): string {
  return bytes === 0 ? 'Nothing was to be removed.' : `${formatBytes(bytes)} are free again.`;
}
