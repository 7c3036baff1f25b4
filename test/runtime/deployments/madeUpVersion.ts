/** Versions for tests of what is pure: nothing of them was deployed. */
import type { DeployedFunction, Version } from '../../../runtime/protocol/deployments';

export const madeUpFunction = (more: Partial<DeployedFunction> = {}): DeployedFunction => ({
  qualname: 'f',
  kind: 'function',
  line: 1,
  generator: false,
  async: false,
  parameters: [],
  imageKey: 'image-1',
  image: { base: { kind: 'debian_slim', pythonVersion: null }, layers: [] },
  options: {
    gpu: [],
    timeoutMs: 300_000,
    startupTimeoutMs: null,
    retries: 0,
    minContainers: 0,
    maxContainers: null,
    bufferContainers: 0,
    scaledownWindowMs: 60_000,
    maxConcurrentInputs: 1,
    cpu: null,
    memoryMiB: null,
    env: {},
    secrets: [],
    volumes: {},
    cacheModels: true,
  },
  ...more,
});

export const madeUpVersion = (number: number, functions: DeployedFunction[]): Version => ({
  app: 'demo',
  version: number,
  bundle: 'b',
  file: 'app.py',
  functions,
  cpu: false,
  at: 0,
  by: 'me',
  commit: null,
});
