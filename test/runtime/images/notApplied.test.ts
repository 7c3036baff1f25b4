import assert from 'node:assert/strict';
import type { FunctionOptions, ImageDescription } from '../../../runtime/protocol/description';
import {
  imageNotApplied,
  notAppliedNote,
  optionsNotApplied,
  volumesNote,
  withNote,
} from '../../../runtime/images/notApplied';

const plainOptions: FunctionOptions = {
  gpu: [],
  timeoutMs: 300_000,
  startupTimeoutMs: null,
  retries: 0,
  minContainers: 2,
  maxContainers: null,
  bufferContainers: 1,
  scaledownWindowMs: 60_000,
  maxConcurrentInputs: 1,
  cpu: null,
  memoryMiB: null,
  env: { A: '1' },
  secrets: [],
  volumes: {},
  cacheModels: true,
};
const slim: ImageDescription = { base: { kind: 'debian_slim', pythonVersion: null }, layers: [] };

describe('what the process engine does not apply', () => {
  it('is said with its values where there is room', () => {
    const options = { ...plainOptions, memoryMiB: 2048, cpu: 2 };
    assert.equal(
      withNote('built', notAppliedNote(optionsNotApplied(options))),
      'built · not applied: cpu=2, memory=2048',
    );
  });

  it('is said by its names alone where there is not', () => {
    const image: ImageDescription = {
      base: { kind: 'registry', tag: 'pytorch/pytorch:2.4' },
      layers: [
        { kind: 'pip', packages: ['numpy'] },
        { kind: 'apt', packages: ['ffmpeg'] },
        { kind: 'apt', packages: ['git'] },
        { kind: 'run', commands: ['make install'] },
        { kind: 'env', variables: { A: '1' } },
        { kind: 'workdir', path: '/srv' },
        { kind: 'localFile', source: 'a.txt', target: '/data/a.txt' },
        { kind: 'localDir', source: 'd', target: '/data/d' },
      ],
    };
    const options = {
      ...plainOptions,
      cpu: 2,
    };
    assert.equal(
      notAppliedNote([...imageNotApplied(image), ...optionsNotApplied(options)]),
      'not applied: base image, apt, run_commands, workdir, add_local_file, add_local_dir, cpu',
    );
  });

  it('is nothing for what a virtual environment and a process can do', () => {
    assert.equal(
      notAppliedNote([...imageNotApplied(slim), ...optionsNotApplied(plainOptions)]),
      undefined,
    );
    assert.equal(withNote('built', undefined), 'built');
  });

  it('leaves volumes out, which are there at another path', () => {
    const options = { ...plainOptions, volumes: { '/data': 'd' } };
    assert.deepEqual(optionsNotApplied(options), []);
    assert.equal(volumesNote(options), 'volumes at another path (Volume.path)');
    assert.equal(volumesNote(plainOptions), undefined);
  });
});
