/** Requests on deployments and the keys of endpoints; a part of the table in methods.ts. */
import * as z from 'zod';
import {
  commitSchema,
  deployedAppSchema,
  endpointKeySchema,
  environmentSchema,
  versionDiffSchema,
  versionFileSchema,
  versionSchema,
} from './deployments';
import { runIdSchema, sha256Schema, streamIdSchema } from './ids';
import { callArgumentsSchema } from './values';

const emptySchema = z.object({});

export const deploymentMethods = {
  /**
   * Makes a version of the file's one app and lets an environment serve it, once a first container of each of its
   * functions has come up. Told as a run whose result is the version. Error `conflict` where production is protected.
   */
  'deployment.create': {
    params: z.object({
      run: runIdSchema,
      bundle: sha256Schema,
      file: z.string(),
      /** Which app, where the file has several. */
      app: z.string().optional(),
      environment: environmentSchema,
      commit: commitSchema.nullable(),
      cpu: z.boolean(),
      /** The run whose code asks for it, which is told. */
      within: runIdSchema.optional(),
    }),
    result: z.object({ logStream: streamIdSchema }),
  },
  'deployment.list': {
    params: emptySchema,
    result: z.object({ apps: z.array(deployedAppSchema) }),
  },
  /** What an environment serves. Error `not-found`. */
  'deployment.served': {
    params: z.object({ app: z.string(), environment: environmentSchema }),
    result: z.object({ version: versionSchema }),
  },
  /** Versions that an environment has served, the one of now first. */
  'deployment.history': {
    params: z.object({ app: z.string(), environment: environmentSchema }),
    result: z.object({ versions: z.array(z.number().int()) }),
  },
  /** Starts a run of a function as an environment serves it, and watches it. */
  'deployment.call': {
    params: z.object({
      run: runIdSchema,
      app: z.string(),
      environment: environmentSchema,
      qualname: z.string(),
      arguments: callArgumentsSchema,
      /** Constructor arguments, for a method. */
      instance: callArgumentsSchema.optional(),
    }),
    result: z.object({ logStream: streamIdSchema }),
  },
  /** What would change in an environment with this version; or from the version `from`, whatever is served. */
  'deployment.diff': {
    params: z.object({
      app: z.string(),
      environment: environmentSchema,
      version: z.number().int(),
      from: z.number().int().optional(),
    }),
    result: versionDiffSchema,
  },
  /** Text of a file of a version. Error `not-found`: no such version, or it never had the file. */
  'deployment.file': {
    params: z.object({ app: z.string(), version: z.number().int(), path: z.string() }),
    result: versionFileSchema,
  },
  /**
   * Lets an environment serve a version that exists, unchanged, once a first container of each of its functions has
   * come up. `promote`: to production, what staging serves or has served. `rollback`: what the environment served before.
   */
  'deployment.move': {
    params: z.object({
      run: runIdSchema,
      app: z.string(),
      environment: environmentSchema,
      version: z.number().int(),
      action: z.enum(['promote', 'rollback']),
    }),
    result: z.object({ logStream: streamIdSchema }),
  },
  /**
   * The environment serves the app no more: its endpoints answer 404, its containers end when idle. Versions stay.
   * Errors `not-found`, `conflict` where production is protected or the environment is being changed.
   */
  'deployment.undeploy': {
    params: z.object({ app: z.string(), environment: environmentSchema }),
    result: emptySchema,
  },
  /** Production of a protected app takes promoted versions only. */
  'deployment.protect': {
    params: z.object({ app: z.string(), on: z.boolean() }),
    result: emptySchema,
  },
  /** The key is told this once. */
  'key.create': {
    params: z.object({ environment: environmentSchema, name: z.string().min(1).max(200) }),
    result: endpointKeySchema.extend({ key: z.string() }),
  },
  'key.list': { params: emptySchema, result: z.object({ keys: z.array(endpointKeySchema) }) },
  'key.remove': { params: z.object({ id: z.string() }), result: emptySchema },
} as const;
