/** The frames of a failed run with their variables, as they were at the raise. */
import * as z from 'zod';

/** A name, and the index of its value in `values`. */
const variableSchema = z.tuple([z.string(), z.number().int().min(0)]);
export type CapturedVariable = z.infer<typeof variableSchema>;

export const capturedValueSchema = z.object({
  /** The class, with its module where that is not Python's own. */
  type: z.string(),
  /**
   * A text's own characters; shape, dtype and device of an array; the number of items of a container; empty
   * for an object.
   */
  text: z.string(),
  children: z.array(variableSchema).optional(),
  /** Children that were left out; -1 where nobody counted them. */
  more: z.number().int().optional(),
});
export type CapturedValue = z.infer<typeof capturedValueSchema>;

export const capturedFrameSchema = z.object({
  /** Relative to the bundle with `/`, or absolute where the code ran. */
  file: z.string(),
  line: z.number().int(),
  function: z.string(),
  /** The line's source, without its indentation; empty where it is not known. */
  text: z.string(),
  locals: z.array(variableSchema),
  moreLocals: z.number().int(),
});
export type CapturedFrame = z.infer<typeof capturedFrameSchema>;

export const capturedExceptionSchema = z.object({
  type: z.string(),
  message: z.string(),
  /**
   * What it is to the one before: its cause (`from`), what was handled when it was raised, a member of the group,
   * or what it became in the code that had called the function.
   */
  relation: z.enum(['raised', 'cause', 'context', 'group', 'caller']),
  /** Index of the exception itself. */
  value: z.number().int().min(0),
  /** Innermost first. */
  frames: z.array(capturedFrameSchema),
  /** Frames in the middle that were left out. */
  leftOut: z.number().int(),
});
export type CapturedException = z.infer<typeof capturedExceptionSchema>;

export const postMortemSchema = z.object({
  /** The one that ended the run first. */
  exceptions: z.array(capturedExceptionSchema),
  /** Values refer to each other by index: what is the same object is the same value. */
  values: z.array(capturedValueSchema),
  /** The limit was reached: values are missing. */
  truncated: z.boolean(),
  /** Why nothing was captured, where nothing was. */
  problem: z.string().optional(),
});
export type PostMortem = z.infer<typeof postMortemSchema>;

/** Longest text of a value that is kept, in characters. */
export const MAX_VALUE_CHARACTERS = 500;
