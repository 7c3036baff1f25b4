/** Arguments, results and errors of a call, as they cross the wire. Never pickle. */
import * as z from 'zod';

/** One argument: a JSON value, or the source of a Python literal such as `(1, 2)`. */
export const argumentSchema = z.union([
  z.object({ json: z.json() }),
  z.object({ literal: z.string().max(1_000_000) }),
]);
export type ArgumentValue = z.infer<typeof argumentSchema>;

export const callArgumentsSchema = z.object({
  args: z.array(argumentSchema),
  kwargs: z.record(z.string(), argumentSchema),
});
export type CallArguments = z.infer<typeof callArgumentsSchema>;

/**
 * A result: a plain JSON value, or a MIME bundle from MIME type to data. Text types hold text,
 * binary types base64, `application/json` and `application/vnd.velar.table+json` JSON values.
 */
export const resultSchema = z.union([
  z.object({ value: z.json() }),
  z.object({ mime: z.record(z.string(), z.json()) }),
]);
export type ResultValue = z.infer<typeof resultSchema>;

/** `application/vnd.velar.table+json`: a table, bounded; `totalRows` says how many there were. */
export const tableSchema = z.object({
  columns: z.array(z.string()),
  dtypes: z.array(z.string()),
  rows: z.array(z.array(z.json())),
  totalRows: z.number().int(),
});
export type Table = z.infer<typeof tableSchema>;

/** What kind of failure ended a run; each has its own exit code and advice. */
export const runErrorKinds = [
  'user',
  'image',
  'capacity',
  'oom',
  'gpu-oom',
  'timeout',
  'cancelled',
  'infrastructure',
] as const;
export type RunErrorKind = (typeof runErrorKinds)[number];

/** A frame of a Python traceback. Files of the bundle are workspace-relative with `/`. */
export const frameSchema = z.object({
  file: z.string(),
  line: z.number().int(),
  function: z.string(),
  text: z.string().optional(),
});
export type TracebackFrame = z.infer<typeof frameSchema>;

export const runErrorSchema = z.object({
  kind: z.enum(runErrorKinds),
  /** Name of the Python exception, or of the condition (`Segfault`, `RunnerKilled`, `NoGpu`). */
  type: z.string().optional(),
  message: z.string(),
  traceback: z.array(frameSchema).default([]),
  /** The traceback as Python prints it. */
  text: z.string().optional(),
  hint: z.string().optional(),
  /** Of an input of a batch: its arguments in a few words. */
  input: z.string().optional(),
  /** The frames with their variables are kept: `run.frames` gives them. */
  inspectable: z.boolean().optional(),
  /** Between a run and its code only: the number of the call that failed, of which the run holds the frames. */
  capture: z.number().int().optional(),
  details: z.record(z.string(), z.unknown()).optional(),
});
export type RunError = z.infer<typeof runErrorSchema>;
