import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import {
  buildContext,
  DOCKERFILE,
  workspaceContext,
} from '../../../../runtime/images/docker/context';
import { readDockerfile } from '../../../../runtime/images/docker/ownDockerfile';
import { filesOf } from '../../../support/bundleFiles';

/** Entries of a tar stream by name, with their content. */
async function entriesOf(stream: Readable): Promise<Map<string, string>> {
  const entries = new Map<string, string>();
  const tar = extract();
  tar.on('entry', (header, content, next) => {
    let text = '';
    content.on('data', (chunk: Buffer) => (text += chunk.toString()));
    content.on('end', () => {
      entries.set(header.name, text);
      next();
    });
  });
  await pipeline(stream, tar);
  return entries;
}

describe('a build context', () => {
  it('holds the Dockerfile and the files, folders before what is in them', async () => {
    const bundle = filesOf({ 'a/b/c.txt': 'see' });
    const entry = { name: 'files-0/x/c.txt', mode: 0o644, path: 'a/b/c.txt', size: 3, sha256: '' };
    const entries = await entriesOf(buildContext('FROM x\n', [entry], bundle).stream);
    assert.deepEqual(
      [...entries],
      [
        [DOCKERFILE, 'FROM x\n'],
        ['files-0/', ''],
        ['files-0/x/', ''],
        ['files-0/x/c.txt', 'see'],
      ],
    );
  });

  it('reads a large file no faster than it is taken', async () => {
    let read = 0;
    const chunk = Buffer.alloc(64 * 1024);
    const endless = new Readable({
      read() {
        read += chunk.length;
        this.push(chunk);
      },
    });
    const size = 8 * 1024 ** 3;
    const file = { name: 'big', mode: 0o644, path: 'big', size, sha256: '' };
    const context = buildContext('', [file], { open: () => endless });
    const { stream } = context;
    for (let taken = 0; taken < 1024 * 1024;) {
      const piece = stream.read() as Buffer | null;
      if (piece === null) await new Promise((resolve) => stream.once('readable', resolve));
      else taken += piece.length;
    }
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(read < 4 * 1024 * 1024, `${String(read)} bytes read for 1 MiB`);
    assert.equal(context.totalBytes, size);
    const { takenBytes } = context;
    assert.ok(takenBytes > 512 * 1024 && takenBytes <= read, `${String(takenBytes)} of 1 MiB`);
    stream.destroy();
  });

  it('fails with what reading a file fails with', async () => {
    const file = { name: 'a', mode: 0o644, path: 'a', size: 3, sha256: '' };
    const open = (): Readable =>
      new Readable({
        read() {
          this.destroy(new Error('the disk is gone'));
        },
      });
    await assert.rejects(entriesOf(buildContext('', [file], { open }).stream), /the disk is gone/);
  });

  it('of a Dockerfile of the workspace leaves out what .dockerignore names, and itself', async () => {
    const bundle = filesOf({
      '.dockerignore': 'secret\n**/*.log\n!keep.log\n',
      Dockerfile: 'FROM x',
      'secret/a': '1',
      'x/y.log': '2',
      'keep.log': '3',
    });
    const context = await workspaceContext(bundle);
    assert.deepEqual(
      context.map(({ name }) => name),
      ['Dockerfile', 'keep.log', '.dockerignore'],
    );
    const ours = context.at(-1);
    assert.ok(ours !== undefined && 'content' in ours);
    assert.deepEqual(ours.content.trim().split('\n'), [DOCKERFILE, '.dockerignore']);
  });
});

describe('a Dockerfile of the workspace', () => {
  it('is read with the lines of its instructions and the images that it needs', () => {
    const read = readDockerfile(
      [
        '# syntax=docker/dockerfile:1',
        'ARG VERSION=3.11',
        'FROM --platform=linux/amd64 python:${VERSION}-slim AS build',
        'RUN apt-get update && \\',
        '    # a comment inside',
        '',
        '    apt-get install git',
        'FROM build',
        'COPY --from=build /a /a',
        'COPY --from=0 /a /b',
        'COPY --from=registry.example.com/tools:2 /t /t',
        'FROM scratch',
        'FROM ${UNKNOWN}',
        'FROM ${OTHER:-debian}',
      ].join('\n'),
    );
    assert.deepEqual(
      read.instructions.map(({ line }) => line),
      [2, 3, 4, 8, 9, 10, 11, 12, 13, 14],
    );
    assert.equal(read.instructions[2]?.text, 'RUN apt-get update && apt-get install git');
    assert.deepEqual(read.images, ['python:3.11-slim', 'registry.example.com/tools:2', 'debian']);
  });
});
