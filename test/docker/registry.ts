/** A registry on loopback that wants a name and a password, with a slow way to it. */
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startChild } from '../../runtime/engines/children';

export const REGISTRY_USER = 'velar';
export const REGISTRY_PASSWORD = 'open sesame';
/** bcrypt of the password. */
const HASH = '$2b$04$STTxzh9TvN38KKup0Y//ze2lNT/QDUs58wwIGqoXax3YiRLYb360y';

export interface TestRegistry {
  /** Host and port. */
  host: string;
  stop(): Promise<void>;
}

/** `program`: path of docker-registry. `folder` holds its configuration and what is pushed. */
export async function startRegistry(program: string, folder: string): Promise<TestRegistry> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'htpasswd'), `${REGISTRY_USER}:${HASH}\n`);
  const config = {
    version: '0.1',
    storage: { filesystem: { rootdirectory: join(folder, 'data') } },
    http: { addr: '127.0.0.1:0', secret: 'test' },
    auth: { htpasswd: { realm: 'test', path: join(folder, 'htpasswd') } },
  };
  // JSON is YAML.
  await writeFile(join(folder, 'config.yml'), JSON.stringify(config));
  const env = { PATH: process.env['PATH'] ?? '' };
  const child = await startChild({
    command: program,
    args: ['serve', join(folder, 'config.yml')],
    env,
  });
  child.stdout.resume();
  const host = await new Promise<string>((resolve, reject) => {
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const address = /listening on (127\.0\.0\.1:\d+)/.exec(said)?.[1];
      if (address !== undefined) resolve(address);
    });
    child.exited.then(() => reject(new Error(`The registry ended: ${said}`)), reject);
  });
  return {
    host,
    stop: async () => void (await child.stop(1000)),
  };
}

export interface SlowWay extends TestRegistry {
  /** Nothing of the registry comes through from here on, though every connection stays. */
  freeze(): void;
  thaw(): void;
}

/** Forwards to `host`, each connection at no more than `bytesPerSecond`. */
export async function slowWayTo(host: string, bytesPerSecond: number): Promise<SlowWay> {
  let open = Promise.resolve();
  let thaw = (): void => undefined;
  const port = Number(host.split(':')[1]);
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    client.pipe(upstream);
    const forward = async (): Promise<void> => {
      for await (const chunk of upstream as AsyncIterable<Buffer>) {
        await open;
        client.write(chunk);
        await sleep((chunk.length / bytesPerSecond) * 1000);
      }
      client.end();
    };
    forward().catch(() => client.destroy());
    client.on('error', () => upstream.destroy());
    client.on('close', () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    freeze: () => {
      open = new Promise((resolve) => (thaw = resolve));
    },
    thaw: () => thaw(),
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
