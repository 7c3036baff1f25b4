import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, stat, symlink } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { encodeWorkerMessage } from '../../../runtime/protocol/workerFrames';
import { WorkerLink } from '../../../runtime/scheduling/workerLink';

/** Dials in as a worker would (a stand-in, to send what no real worker sends) and says hello. */
async function dial(address: string, hello: Record<string, unknown>): Promise<Socket> {
  const socket = connect(address);
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.write(
    encodeWorkerMessage({ type: 'hello', protocol: 1, pid: 1, python: '3.11.0', ...hello }),
  );
  return socket;
}

const closed = (socket: Socket): Promise<unknown> =>
  new Promise((resolve) => socket.once('close', resolve));

describe('the socket of the workers', () => {
  let home: string;
  let link: WorkerLink;
  let warnings: string[];
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'velar-link-'));
    warnings = [];
    link = await WorkerLink.listen(home, (message) => warnings.push(message));
  });
  afterEach(async () => {
    await link.dispose();
    await rm(home, { recursive: true, force: true });
  });

  it('lies in a folder that only its owner can enter', async () => {
    const { mode } = await stat(dirname(dirname(link.address)));
    assert.equal(mode & 0o777, 0o700);
    // The folder below is what containers get, whatever user they run as.
    assert.equal((await stat(dirname(link.address))).mode & 0o777, 0o755);
  });

  it('takes a worker with the token of its container, once', async () => {
    const expected = link.expect('c-1');
    const socket = await dial(link.address, { container: 'c-1', token: expected.token });
    const connection = await expected.connected;
    assert.equal(connection.hello.python, '3.11.0');
    const second = await dial(link.address, { container: 'c-1', token: expected.token });
    await closed(second);
    socket.destroy();
  });

  it('refuses a wrong token, an unknown container and a first frame that is no hello', async () => {
    link.expect('c-1');
    await closed(await dial(link.address, { container: 'c-1', token: 'wrong' }));
    await closed(await dial(link.address, { container: 'c-2', token: 'wrong' }));
    const socket = connect(link.address);
    socket.on('error', () => undefined);
    socket.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    await closed(socket);
    assert.equal(warnings.length, 3);
    assert.ok(!warnings.join().includes('wrong'));
  });

  it('drops a worker that breaks the protocol, and says how', async () => {
    const expected = link.expect('c-1');
    const socket = await dial(link.address, { container: 'c-1', token: expected.token });
    const connection = await expected.connected;
    const failure = new Promise<Error | undefined>((resolve) => {
      connection.receive({ message: () => undefined, log: () => undefined, closed: resolve });
    });
    socket.write(encodeWorkerMessage({ type: 'loaded', load: 'not a number' }));
    assert.match((await failure)?.message ?? '', /bad message: load/);
  });

  it('finds room for its path where the home has a long one, at the same place each time', async () => {
    const long = join(home, 'x'.repeat(100));
    const other = await WorkerLink.listen(long, (message) => warnings.push(message));
    assert.ok(Buffer.byteLength(other.address) <= 100);
    assert.equal((await stat(dirname(dirname(other.address)))).mode & 0o777, 0o700);
    await other.dispose();
    await assert.rejects(stat(dirname(other.address)));
    const again = await WorkerLink.listen(long, (message) => warnings.push(message));
    await again.dispose();
    assert.equal(again.address, other.address);
    assert.deepEqual(warnings, []);
  });

  it('uses no folder that somebody else could have put there', async () => {
    const long = join(home, 'y'.repeat(100));
    const first = await WorkerLink.listen(long, () => undefined);
    const folder = dirname(dirname(first.address));
    await first.dispose();
    const traps: (() => Promise<unknown>)[] = [
      () => mkdir(folder).then(() => chmod(folder, 0o755)),
      () => symlink(home, folder),
    ];
    for (const trap of traps) {
      await trap();
      warnings = [];
      const other = await WorkerLink.listen(long, (message) => warnings.push(message));
      const used = dirname(dirname(other.address));
      await other.dispose();
      await rm(folder, { recursive: true });
      assert.notEqual(used, folder);
      assert.match(warnings.join(), /not this user's alone/);
    }
  });
});
