/** Secrets, volumes and what else lies on a runtime's disk, as clients see them. */
import * as z from 'zod';

/** Name of a secret or volume; the SDK has the same rule. */
export const resourceNameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'A name has up to 64 letters, digits, ".", "_" or "-" and starts with a letter or digit.',
  );
