/** Secrets, volumes and what else lies on a runtime's disk, as clients see them. */
import * as z from 'zod';
import { environmentSchema } from './deployments';

/** Name of a secret or volume; the SDK has the same rule. */
export const resourceNameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'A name has up to 64 letters, digits, ".", "_" or "-" and starts with a letter or digit.',
  );

/** Bytes of one secret's values together: what an environment takes on every system. */
const MAX_SECRET_CHARACTERS = 64 * 1024;

/** Variables of a secret and their values, as they are set. Never logged, never sent back. */
export const secretValuesSchema = z
  .record(
    z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'A variable has letters, digits and "_", no digit first.'),
    z.string().refine((value) => !value.includes('\0'), 'A value holds no NUL.'),
  )
  .refine((values) => Object.keys(values).length > 0, 'A secret needs a variable.')
  .refine(
    (values) => Object.entries(values).flat().join('').length <= MAX_SECRET_CHARACTERS,
    'A secret holds 64 KiB at most.',
  );

/** What is told of a secret: everything but its values. */
export const secretSchema = z.object({
  name: z.string(),
  /** For what is deployed there, in place of the one without; absent for everything else. */
  environment: environmentSchema.optional(),
  variables: z.array(z.string()),
  /** ms since the epoch. */
  updatedAt: z.number(),
});
export type SecretSummary = z.infer<typeof secretSchema>;

export const storageKindSchema = z.enum(['image', 'volume', 'runs', 'bundles']);
export type StorageKind = z.infer<typeof storageKindSchema>;

/** Something on the runtime's disk that can be removed. All runs are one, and so are all bundles. */
export const storageItemSchema = z.object({
  kind: storageKindSchema,
  /** To remove it by; `all` for runs and bundles. */
  name: z.string(),
  /** For people. */
  label: z.string(),
  bytes: z.number(),
  /** ms since the epoch; null where it is not known. */
  lastUsedAt: z.number().nullable(),
  inUse: z.boolean(),
});
export type StorageItem = z.infer<typeof storageItemSchema>;

/** Shorter values would hide half of every text. */
export const SHORTEST_HIDDEN = 8;

/** False for a line of a secret's value that is shown as it is wherever it turns up. */
export function isLongEnoughToHide(line: string): boolean {
  return line.trim().length >= SHORTEST_HIDDEN;
}
