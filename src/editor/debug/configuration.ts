/** What a debug configuration may say, checked. */
import * as z from 'zod';
import { callArgumentsSchema, type CallArguments } from '../../../runtime/protocol/values';
import { VelarError } from '../../../runtime/protocol/errors';

const givenSchema = z.strictObject({
  args: z.array(z.json()).optional(),
  kwargs: z.record(z.string(), z.json()).optional(),
});

/** What a configuration became: kept in it, so that a restart asks nobody again. */
const callSchema = z.object({
  uri: z.string(),
  qualname: z.string(),
  arguments: callArgumentsSchema,
  instance: callArgumentsSchema.optional(),
});
export type ResolvedCall = z.infer<typeof callSchema>;

const launchSchema = z.looseObject({
  file: z.string().optional(),
  function: z.string().optional(),
  args: givenSchema.shape.args,
  kwargs: givenSchema.shape.kwargs,
  /** Constructor arguments, for a method of a class. */
  instance: givenSchema.optional(),
  justMyCode: z.boolean().default(true),
  stopOnEntry: z.boolean().default(false),
  cpu: z.boolean().default(false),
  call: callSchema.optional(),
});
export type LaunchConfiguration = z.infer<typeof launchSchema>;

const attachSchema = z.looseObject({
  container: z.string().optional(),
  function: z.string().optional(),
  justMyCode: z.boolean().default(true),
});
export type AttachConfiguration = z.infer<typeof attachSchema>;

/** A child process of a debugged run; made by the adapter itself, never written by hand. */
const childSchema = z.object({
  run: z.string(),
  attach: z.record(z.string(), z.unknown()),
});
export type ChildConfiguration = z.infer<typeof childSchema>;

/** Throws `invalid`, naming the key and what it should be. */
export function readLaunch(configuration: unknown): LaunchConfiguration {
  return read(launchSchema, configuration);
}

/** Throws `invalid`, naming the key and what it should be. */
export function readAttach(configuration: unknown): AttachConfiguration {
  const attach = read(attachSchema, configuration);
  if (attach.container !== undefined && attach.function !== undefined) {
    throw invalid('“container” and “function” exclude each other.', 'Keep one of them.');
  }
  return attach;
}

export function readChild(configuration: unknown): ChildConfiguration | undefined {
  return childSchema.safeParse(configuration).data;
}

/** The arguments that a configuration gives; undefined where it gives none. */
export function givenArguments(given: z.infer<typeof givenSchema>): CallArguments | undefined {
  if (given.args === undefined && given.kwargs === undefined) return undefined;
  const kwargs = Object.entries(given.kwargs ?? {}).map(([name, json]) => [name, { json }]);
  return {
    args: (given.args ?? []).map((json) => ({ json })),
    kwargs: Object.fromEntries(kwargs) as CallArguments['kwargs'],
  };
}

function read<T>(schema: z.ZodType<T>, configuration: unknown): T {
  const parsed = schema.safeParse(configuration);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const key = issue?.path.map(String).join('.') ?? '';
  const what = issue?.message ?? 'it makes no sense';
  throw invalid(
    `The debug configuration is not right${key === '' ? '' : ` at “${key}”`}: ${what}.`,
    'Correct it in launch.json.',
  );
}

function invalid(message: string, hint: string): VelarError {
  return new VelarError('invalid', message, { hint });
}
