import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  engineContainerId,
  ownerOf,
  Owners,
  type ContainerRoot,
  type ProcessFacts,
} from '../../../runtime/gpu/owners';
import { signalGroup } from '../../../runtime/engines/children';
import { hostProcesses, readProcess } from '../../../runtime/gpu/procFiles';

const A = 'a'.repeat(64);
const B = '0123456789abcdef'.repeat(4);

/** `cgroup` files by where they are met: the shapes that the documentation of kernel and engines gives. */
const CGROUPS: [string, string, string | null][] = [
  [
    'version 1',
    `12:memory:/docker/${A}\n11:cpu,cpuacct:/docker/${A}\n1:name=systemd:/docker/${A}\n`,
    A,
  ],
  ['version 2, systemd', `0::/system.slice/docker-${B}.scope\n`, B],
  ['version 2, cgroupfs', `0::/docker/${B}\n`, B],
  [
    'version 2, rootless',
    `0::/user.slice/user-1000.slice/user@1000.service/user.slice/docker-${A}.scope\n`,
    A,
  ],
  [
    'version 2, a pod',
    `0::/kubepods.slice/kubepods-besteffort.slice/kubepods-pod12.slice/cri-containerd-${A}.scope\n`,
    A,
  ],
  ['version 2, a container in one', `0::/docker/${A}/docker/${B}\n`, B],
  ['version 2, a namespace of its own', '0::/\n', null],
  ['version 2, a desktop', '0::/user.slice/user-1000.slice/session-3.scope\n', null],
  [
    'version 1, no container',
    '12:memory:/user.slice\n1:name=systemd:/user.slice/session-3.scope\n',
    null,
  ],
  ['a longer number', `0::/x/${'f'.repeat(65)}\n`, null],
];

const root = (container: string, pid: number): ContainerRoot => ({
  container,
  app: `app of ${container}`,
  pid,
});

/** A process table: pid -> name, parent, group. */
function table(entries: Record<number, [string, number, string?]>) {
  return (pid: number): ProcessFacts | undefined => {
    const entry = entries[pid];
    if (entry === undefined) return undefined;
    return { name: entry[0], parent: entry[1], cgroup: entry[2] ?? '0::/user.slice\n' };
  };
}

describe('The container of a process on a card', () => {
  for (const [what, text, expected] of CGROUPS) {
    it(`is read from its control group: ${what}`, () => {
      assert.equal(engineContainerId(text), expected);
    });
  }

  it('is the one whose first process it descends from', () => {
    const read = table({
      1: ['init', 0],
      10: ['python', 1],
      11: ['python', 10],
      12: ['sh', 11],
      20: ['Xorg', 1],
    });
    const roots = [root('c-1', 10), root('c-2', 30)];
    assert.equal(ownerOf(12, roots, read, 5)?.root?.container, 'c-1');
    assert.equal(ownerOf(10, roots, read, 5)?.root?.container, 'c-1');
    assert.deepEqual(ownerOf(20, roots, read, 5), { name: 'Xorg', root: null });
    assert.equal(
      ownerOf(99, roots, read, 5),
      undefined,
      'a process that is hidden is nobody’s for certain',
    );
  });

  it("is found by control group where the process came in from outside, as docker exec's do", () => {
    const group = `0::/system.slice/docker-${A}.scope\n`;
    const other = `0::/system.slice/docker-${B}.scope\n`;
    const read = table({
      5: ['node', 1],
      10: ['python', 4, group],
      40: ['bash', 3, group],
      41: ['python', 3, other],
    });
    const roots = [root('c-1', 10)];
    assert.equal(ownerOf(40, roots, read, 5)?.root?.container, 'c-1');
    assert.equal(ownerOf(41, roots, read, 5)?.root, null);
  });

  it('is not guessed from the group that the runtime itself is in', () => {
    const group = `0::/docker/${A}\n`;
    const read = table({
      5: ['node', 1, group],
      10: ['python', 5, group],
      40: ['jupyter', 1, group],
    });
    assert.equal(ownerOf(40, [root('c-1', 10)], read, 5)?.root, null);
  });

  it('does not loop over a table that changes while it is read', () => {
    const read = table({ 7: ['a', 8], 8: ['b', 7] });
    assert.equal(ownerOf(7, [root('c-1', 10)], read, 5)?.root, null);
  });

  it('is looked up once for each process, and again when containers change', () => {
    let reads = 0;
    const plain = table({ 5: ['node', 1], 10: ['python', 5], 11: ['python', 10] });
    const owners = new Owners((pid) => {
      reads += 1;
      return plain(pid);
    }, 5);
    assert.equal(owners.of([11], []).get(11)?.root, null);
    const first = reads;
    owners.of([11], []);
    assert.equal(reads, first);
    assert.equal(owners.of([11], [root('c-1', 10)]).get(11)?.root?.container, 'c-1');
    assert.ok(reads > first);
    const before = reads;
    owners.of([], [root('c-1', 10)]);
    owners.of([11], [root('c-1', 10)]);
    assert.ok(reads > before, 'a number that went away may come back as another process');
  });

  it('is right for real processes', async function () {
    if (process.platform !== 'linux') this.skip();
    const child = spawn('sh', ['-c', 'sleep 60 & echo $!; wait'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    try {
      const [data] = (await once(child.stdout, 'data')) as [Buffer];
      const grandchild = Number(data.toString().trim());
      const roots = [root('c-1', child.pid ?? 0)];
      const owner = ownerOf(grandchild, roots, readProcess, process.pid);
      assert.equal(owner?.root?.container, 'c-1');
      assert.equal(ownerOf(process.pid, roots, readProcess, process.pid)?.root, null);
    } finally {
      signalGroup(child.pid ?? 0, 'SIGKILL');
      await once(child, 'exit');
    }
  });

  it('is unknown where the runtime sees other processes than the driver', async function () {
    const proc = await mkdtemp(join(tmpdir(), 'velar-proc-'));
    try {
      await mkdir(join(proc, 'self', 'ns'), { recursive: true });
      await symlink('pid:[4026532501]', join(proc, 'self', 'ns', 'pid'));
      assert.equal(hostProcesses(proc), null);
      await rm(join(proc, 'self', 'ns', 'pid'));
      await symlink('pid:[4026531836]', join(proc, 'self', 'ns', 'pid'));
      await mkdir(join(proc, '42'));
      await writeFile(join(proc, '42', 'stat'), '42 (my (odd) name) S 7 42 42 0 -1');
      await writeFile(join(proc, '42', 'cgroup'), '0::/\n');
      assert.deepEqual(hostProcesses(proc)?.(42), {
        name: 'my (odd) name',
        parent: 7,
        cgroup: '0::/\n',
      });
    } finally {
      await rm(proc, { recursive: true });
    }
  });
});
