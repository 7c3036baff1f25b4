/** Versions of apps, and the environments that they serve. */
import * as z from 'zod';
import { functionDescriptionSchema, functionOptionsSchema, parameterSchema } from './description';

export const environmentSchema = z.enum(['staging', 'production']);
export type Environment = z.infer<typeof environmentSchema>;

/** Where the code came from, as git tells. */
export const commitSchema = z.object({
  hash: z.string().regex(/^[0-9a-f]{7,64}$/),
  /** False where files had changes that are in no commit. */
  clean: z.boolean(),
});

/** One build of an image: what is built again, from the same image, has another `build`. */
export const imagePinSchema = z.object({
  /** Name of the image among what is stored. */
  key: z.string(),
  build: z.string(),
});
export type ImagePin = z.infer<typeof imagePinSchema>;

/** A function of a version. Secrets by name only: values never leave the runtime. */
export const deployedFunctionSchema = functionDescriptionSchema.extend({
  options: functionOptionsSchema.omit({ secrets: true }).extend({ secrets: z.array(z.string()) }),
  /** Key of its image: equal keys are equal content. */
  imageKey: z.string(),
  /** What its containers are made of; absent in versions of runtimes that did not keep it. */
  pin: imagePinSchema.optional(),
  /** Of a method: what its class takes; absent in versions of runtimes that did not keep it. */
  constructorParameters: z.array(parameterSchema).optional(),
});
export type DeployedFunction = z.infer<typeof deployedFunctionSchema>;

/** What a deploy made. It never changes, but for the pin of an image that was lost and had to be built again. */
export const versionSchema = z.object({
  app: z.string(),
  /** Counts up from 1 for each app. */
  version: z.number().int().min(1),
  bundle: z.string(),
  file: z.string(),
  functions: z.array(deployedFunctionSchema),
  /** GPU functions run on the CPU where there is no GPU, because that was allowed. */
  cpu: z.boolean(),
  /** ms since the epoch. */
  at: z.number(),
  by: z.string(),
  commit: commitSchema.nullable(),
});
export type Version = z.infer<typeof versionSchema>;
/** Which version of which app. */
export type VersionName = Pick<Version, 'app' | 'version'>;

/** What an environment serves since when. */
export const servedSchema = z.object({
  environment: environmentSchema,
  version: z.number().int(),
  at: z.number(),
  by: z.string(),
  action: z.enum(['deploy', 'promote', 'rollback']),
});
export type Served = z.infer<typeof servedSchema>;

export const deployedAppSchema = z.object({
  app: z.string(),
  /** Production takes promoted versions only. */
  protected: z.boolean(),
  /** At most one for each environment. */
  serves: z.array(servedSchema),
  /** Newest first. */
  versions: z.array(versionSchema),
});
export type DeployedApp = z.infer<typeof deployedAppSchema>;

export const versionDiffSchema = z.object({
  from: z.number().int().nullable(),
  to: z.number().int(),
  files: z.array(z.object({ path: z.string(), change: z.enum(['added', 'changed', 'removed']) })),
  /** Changes of functions, images, options and cost, each a line for people. */
  lines: z.array(z.string()),
  /** What to know before the environment serves it, each a line for people. */
  notes: z.array(z.string()).optional(),
});
export type VersionDiff = z.infer<typeof versionDiffSchema>;

/** A file of a version; or why its text is not told, and its size in bytes. `gone`: no longer on the disk. */
export const versionFileSchema = z.union([
  z.object({ text: z.string() }),
  z.object({ unshown: z.enum(['binary', 'large', 'gone']), size: z.number().int() }),
]);
export type VersionFile = z.infer<typeof versionFileSchema>;

export const endpointKeySchema = z.object({
  id: z.string(),
  environment: environmentSchema,
  name: z.string(),
  at: z.number(),
});
export type EndpointKey = z.infer<typeof endpointKeySchema>;
