import assert from 'node:assert/strict';
import type { ImageDescription } from '../../../runtime/protocol/description';
import { planImage } from '../../../runtime/images/imagePlan';
import { installFailure, InstallProgressReader } from '../../../runtime/images/installProgress';

const python = { executable: '/usr/bin/python3', version: '3.11.7' };

function plan(layers: ImageDescription['layers'], requirements = new Map<string, string>()) {
  const base = { kind: 'debian_slim' as const, pythonVersion: null };
  return planImage({ image: { base, layers }, python, requirements });
}

describe("an image's key", () => {
  it('stays when its lines move, and changes with what is installed', () => {
    const at = (line: number) => plan([{ kind: 'pip', packages: ['torch'], file: 'app.py', line }]);
    assert.equal(at(3).venvKey, at(30).venvKey);
    assert.notEqual(at(3).venvKey, plan([{ kind: 'pip', packages: ['numpy'] }]).venvKey);
  });

  it('follows the content of a requirements file', () => {
    const layers: ImageDescription['layers'] = [{ kind: 'requirements', path: 'requirements.txt' }];
    const one = plan(layers, new Map([['requirements.txt', 'a==1']]));
    const two = plan(layers, new Map([['requirements.txt', 'a==2']]));
    assert.notEqual(one.venvKey, two.venvKey);
  });

  it('is another for other variables, over the same environment', () => {
    const plain = plan([]);
    const variables = plan([{ kind: 'env', variables: { A: '1' } }]);
    assert.equal(plain.venvKey, variables.venvKey);
    assert.notEqual(plain.imageKey, variables.imageKey);
  });
});

describe("an installer's output", () => {
  it('of pip tells what is collected, downloaded by the byte, built and installed', () => {
    const reader = new InstallProgressReader();
    const told = [
      'Collecting torch==2.4.0',
      '  Downloading https://host/torch-2.4.0-cp311-cp311-manylinux1_x86_64.whl (797.2 MB)',
      'Progress 112000000 of 797200000',
      'Progress 312000000 of 797200000',
      'Progress 797200000 of 797200000',
      'Building wheel for flash-attn (setup.py): started',
      'Requirement already satisfied: pip',
      'Installing collected packages: a, b, c',
      'Successfully installed a b c',
    ].map((line, index) => reader.line(line, index * 1000));
    assert.deepEqual(told, [
      'collecting torch',
      'downloading torch-2.4.0 (797.2 MB)',
      'downloading torch-2.4.0 (112 of 797 MB)',
      'downloading torch-2.4.0 (312 of 797 MB) · 200 MB/s · 3 s left',
      'downloading torch-2.4.0 (797 MB)',
      'building flash-attn',
      undefined,
      'installing 3 packages',
      undefined,
    ]);
    assert.equal(reader.now(60_000), undefined, 'nothing goes on after the end');
  });

  it('of a pip that tells no bytes gives what is known: the file, how many so far, how long', () => {
    const reader = new InstallProgressReader();
    reader.line('Collecting transformers', 0);
    reader.line('Collecting torch>=2', 100);
    reader.line('  Downloading torch-2.4.0-cp311-cp311-linux_x86_64.whl (797.2 MB)', 200);
    const doing = 'downloading torch-2.4.0 (797.2 MB) · 2 packages so far';
    assert.equal(reader.now(1200), doing);
    assert.equal(reader.now(45_200), `${doing} · 45 s`);
    reader.line('Installing collected packages: torch, transformers', 50_000);
    assert.equal(reader.now(80_000), 'installing 2 packages · 30 s');
  });

  it('says of a download that stands still for how long it has', () => {
    const reader = new InstallProgressReader();
    reader.line('Downloading torch-2.4.0-cp311-x.whl (797.2 MB)', 0);
    reader.line('Progress 312000000 of 797200000', 1000);
    assert.equal(reader.now(13_000), 'downloading torch-2.4.0 (312 of 797 MB) · stalled for 12 s');
  });

  it('of uv tells how many packages there are', () => {
    const reader = new InstallProgressReader();
    const resolved = 'resolved 12 packages, preparing them';
    assert.equal(reader.line('Resolved 12 packages in 1.2s', 0), resolved);
    assert.equal(reader.now(9000), `${resolved} · 9 s`);
    assert.equal(reader.line('Installed 12 packages in 9ms', 9000), 'installed 12 packages');
    assert.equal(reader.now(20_000), undefined);
  });

  it('that ends in failure gives the one line that says why', () => {
    const output =
      'Collecting nosuch\nERROR: Could not find a version that satisfies the requirement nosuch (from versions: none)\nERROR: No matching distribution found for nosuch\n';
    assert.match(installFailure(output), /^(Could not find a version|No matching distribution)/);
    assert.equal(installFailure(''), 'the installer printed nothing');
  });
});
