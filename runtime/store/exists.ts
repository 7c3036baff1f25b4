import { access } from 'node:fs/promises';
import { isNodeError } from '../protocol/errors';

/** True for a file or folder that is there and can be reached. */
export async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (isNodeError(error)) return false;
    throw error;
  }
}
