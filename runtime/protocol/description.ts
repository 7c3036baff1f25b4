/** What the describe step reads from the real objects of an app: functions, options, images. */
import * as z from 'zod';

const gpuRequestSchema = z.object({ name: z.string(), count: z.number().int().min(1) });
export type GpuRequest = z.infer<typeof gpuRequestSchema>;

/** The line of the user's file that wrote it. */
const placeSchema = z.object({ file: z.string().optional(), line: z.number().int().optional() });
export type ImagePlace = z.infer<typeof placeSchema>;

const placed = placeSchema.shape;

const imageLayerSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('pip'), packages: z.array(z.string()), ...placed }),
  z.object({ kind: z.literal('requirements'), path: z.string(), ...placed }),
  z.object({ kind: z.literal('apt'), packages: z.array(z.string()), ...placed }),
  z.object({ kind: z.literal('run'), commands: z.array(z.string()), ...placed }),
  z.object({ kind: z.literal('env'), variables: z.record(z.string(), z.string()), ...placed }),
  z.object({ kind: z.literal('workdir'), path: z.string(), ...placed }),
  z.object({ kind: z.literal('localFile'), source: z.string(), target: z.string(), ...placed }),
  z.object({ kind: z.literal('localDir'), source: z.string(), target: z.string(), ...placed }),
]);
export type ImageLayer = z.infer<typeof imageLayerSchema>;

const imageBaseSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('debian_slim'),
    pythonVersion: z.string().nullable(),
    ...placed,
  }),
  z.object({ kind: z.literal('registry'), tag: z.string(), ...placed }),
  z.object({ kind: z.literal('dockerfile'), path: z.string(), ...placed }),
]);
export type ImageBase = z.infer<typeof imageBaseSchema>;

export const imageSchema = z.object({
  base: imageBaseSchema,
  layers: z.array(imageLayerSchema),
});
export type ImageDescription = z.infer<typeof imageSchema>;

export const functionOptionsSchema = z.object({
  /** Ordered fall-backs; empty means CPU. */
  gpu: z.array(gpuRequestSchema),
  timeoutMs: z.number(),
  startupTimeoutMs: z.number().nullable(),
  retries: z.number().int().min(0),
  minContainers: z.number().int().min(0),
  maxContainers: z.number().int().min(1).nullable(),
  bufferContainers: z.number().int().min(0),
  scaledownWindowMs: z.number().min(0),
  maxConcurrentInputs: z.number().int().min(1),
  cpu: z.number().nullable(),
  memoryMiB: z.number().nullable(),
  env: z.record(z.string(), z.string()),
  /** By name on the runtime, or the values themselves. Never logged, never stored in a run. */
  secrets: z.array(
    z.object({ name: z.string().optional(), values: z.record(z.string(), z.string()).optional() }),
  ),
  volumes: z.record(z.string(), z.string()),
  /** Loads that equal an earlier one in the same container are answered with its model. */
  cacheModels: z.boolean(),
});
export type FunctionOptions = z.infer<typeof functionOptionsSchema>;

export const parameterSchema = z.object({
  name: z.string(),
  annotation: z.string().nullable(),
  /** Source text of the default. */
  default: z.string().nullable(),
  kind: z.enum([
    'positional_only',
    'positional_or_keyword',
    'var_positional',
    'keyword_only',
    'var_keyword',
  ]),
});
export type Parameter = z.infer<typeof parameterSchema>;

export const functionKindSchema = z.enum([
  'function',
  'endpoint',
  'cls',
  'method',
  'local_entrypoint',
]);
export type FunctionKind = z.infer<typeof functionKindSchema>;

export const functionDescriptionSchema = z.object({
  qualname: z.string(),
  kind: functionKindSchema,
  line: z.number().int(),
  generator: z.boolean(),
  async: z.boolean(),
  parameters: z.array(parameterSchema),
  /** The docstring, without its indentation; its first 4,000 characters. */
  doc: z.string().optional(),
  options: functionOptionsSchema,
  image: imageSchema,
});
export type FunctionDescription = z.infer<typeof functionDescriptionSchema>;

export const appDescriptionSchema = z.object({
  name: z.string(),
  functions: z.array(functionDescriptionSchema),
});
export type AppDescription = z.infer<typeof appDescriptionSchema>;
