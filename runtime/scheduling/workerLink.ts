/** The Unix socket where workers dial in: tokens, framing, checked messages, back-pressure. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { chmod, mkdir, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { VelarError } from '../protocol/errors';
import { callHeader, resultHeader } from '../protocol/hotHeaders';
import { WORKER_PROTOCOL_VERSION } from '../protocol/version';
import { encodeWorkerMessage, WorkerFrameReader, type WorkerFrame } from '../protocol/workerFrames';
import { workerMessageSchema, type WorkerMessage } from '../protocol/workerMessages';
import { linkFolder } from './linkFolder';

const SOCKET_NAME = 'workers.sock';
const LINK_FOLDER = 'link';
const HELLO_WITHIN_MS = 10_000;
const LEASE_MS = 10_000;

type Hello = Extract<WorkerMessage, { type: 'hello' }>;

export interface WorkerHandlers {
  message(message: WorkerMessage, body: Buffer): void;
  log(fd: 1 | 2, call: number, bytes: Buffer): void;
  /** The socket is closed; the reason where the worker broke the protocol. */
  closed(error: VelarError | undefined): void;
}

/** `load`: the one that the runner was started for. */
export type RunnerListener = (load: number, runner: WorkerConnection) => void;

/** `channel`: the debug channel that it was asked for. */
export type ChannelListener = (channel: number, socket: Socket) => void;

/** The socket of a worker, or of its runner. */
export class WorkerConnection {
  private handlers: WorkerHandlers | undefined;
  private failure: VelarError | undefined;
  private corked = false;
  private runnerListener: RunnerListener | undefined;
  private channelListener: ChannelListener | undefined;

  constructor(
    private readonly socket: Socket,
    private readonly reader: WorkerFrameReader,
    readonly hello: Hello,
    private early: WorkerFrame[],
  ) {}

  /** Takes what the worker sends from now on. */
  receive(handlers: WorkerHandlers): void {
    this.handlers = handlers;
    const { socket } = this;
    socket.on('data', (chunk: Buffer) => this.take(() => this.reader.push(chunk)));
    socket.on('close', () => handlers.closed(this.failure));
    const early = this.early;
    this.early = [];
    this.take(() => early);
    if (socket.destroyed) handlers.closed(this.failure);
    else socket.resume();
  }

  /** Takes sockets of the same container that lead to debugpy's adapter. */
  onChannel(listener: ChannelListener): void {
    this.channelListener = listener;
  }

  /** A pump of this container dialled in, and waits for a byte. */
  channelConnected(channel: number, socket: Socket): void {
    if (this.channelListener === undefined) socket.destroy();
    else this.channelListener(channel, socket);
  }

  /** Takes further connections of the same container, made for its runners. */
  onRunner(listener: RunnerListener): void {
    this.runnerListener = listener;
  }

  /** A runner of this container dialled in. */
  runnerConnected(load: number, runner: WorkerConnection): void {
    if (this.runnerListener === undefined) runner.close();
    else this.runnerListener(load, runner);
  }

  /** Sends one message; several of one turn of the event loop leave in one write. */
  send(header: object, body?: Uint8Array): void {
    if (this.socket.destroyed) return;
    if (!this.corked) {
      this.corked = true;
      this.socket.cork();
      queueMicrotask(() => {
        this.corked = false;
        this.socket.uncork();
      });
    }
    this.socket.write(encodeWorkerMessage(header, body));
  }

  /** Bytes that were sent and have not left yet. */
  get unsentBytes(): number {
    return this.socket.writableLength;
  }

  /** Called each time that much was sent and all of it has left. */
  onDrain(listener: () => void): void {
    this.socket.on('drain', listener);
  }

  /** Stops reading, so that a worker whose output nobody can take has to wait. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  close(): void {
    this.socket.destroy();
  }

  private take(frames: () => Iterable<WorkerFrame>): void {
    const { handlers } = this;
    if (handlers === undefined) return;
    try {
      for (const frame of frames()) {
        if (frame.kind === 'log') handlers.log(frame.fd, frame.call, frame.bytes);
        else handlers.message(checked(frame.header), frame.body);
      }
    } catch (error) {
      this.failure = VelarError.from(error);
      this.socket.destroy();
    }
  }
}

interface Expected {
  digest: Buffer;
  resolve: (connection: WorkerConnection) => void;
  reject: (error: VelarError) => void;
}

export interface ExpectedWorker {
  /** Rejects with `cancelled` when given up. */
  connected: Promise<WorkerConnection>;
  giveUp(): void;
}

export class WorkerLink {
  private readonly expected = new Map<string, Expected>();
  private readonly sockets = new Set<Socket>();
  /** Containers whose worker is connected. */
  private readonly admitted = new Map<string, { digest: Buffer; connection: WorkerConnection }>();

  private constructor(
    private readonly server: Server,
    readonly address: string,
    private readonly folder: string,
    private readonly warn: (message: string) => void,
  ) {}

  /**
   * Listens in a private folder. The socket lies alone in a folder below it, which containers get mounted and any
   * user of theirs may enter.
   */
  static async listen(home: string, warn: (message: string) => void): Promise<WorkerLink> {
    const { folder, inHome } = await linkFolder(home, join(LINK_FOLDER, SOCKET_NAME), warn);
    const address = join(folder, LINK_FOLDER, SOCKET_NAME);
    await mkdir(join(folder, LINK_FOLDER), { recursive: true });
    await chmod(join(folder, LINK_FOLDER), 0o755);
    // One runtime holds the home, so a socket that is there was left by a crash.
    await rm(address, { force: true });
    const server = createServer({ noDelay: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(address, resolve);
    });
    await chmod(address, 0o666);
    const link = new WorkerLink(server, address, inHome ? '' : folder, warn);
    server.on('connection', (socket) => link.greet(socket));
    return link;
  }

  /** Makes the token of a container that is about to start. */
  expect(container: string): ExpectedWorker & { token: string } {
    const token = randomBytes(32).toString('base64url');
    return { token, ...this.expectAgain(container, digestOf(token)) };
  }

  /** Lets the worker of a running container dial in, whose token has this SHA-256. */
  expectAgain(container: string, digest: Buffer): ExpectedWorker {
    let giveUp = (): void => undefined;
    const connected = new Promise<WorkerConnection>((resolve, reject) => {
      this.expected.set(container, { digest, resolve, reject });
      giveUp = () => {
        this.expected.delete(container);
        reject(new VelarError('cancelled', `Container ${container} is no longer expected.`));
      };
    });
    connected.catch(() => undefined);
    return { connected, giveUp };
  }

  async dispose(): Promise<void> {
    for (const { reject } of this.expected.values()) {
      reject(new VelarError('cancelled', 'The runtime ends.'));
    }
    this.expected.clear();
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
    if (this.folder === '') await rm(this.address, { force: true });
    else await rm(this.folder, { recursive: true, force: true });
  }

  private greet(socket: Socket): void {
    this.sockets.add(socket);
    const timer = setTimeout(() => socket.destroy(), HELLO_WITHIN_MS);
    const reader = new WorkerFrameReader();
    socket.on('error', (error) => this.warn(`A worker's socket failed: ${error.message}.`));
    socket.on('close', () => {
      clearTimeout(timer);
      this.sockets.delete(socket);
    });
    const onData = (chunk: Buffer): void => {
      try {
        const frames = [...reader.push(chunk)];
        const first = frames.shift();
        if (first === undefined) return;
        socket.off('data', onData);
        socket.pause();
        clearTimeout(timer);
        this.admit(socket, reader, first, frames);
      } catch (error) {
        this.warn(`A worker was refused: ${VelarError.from(error).message}`);
        socket.destroy();
      }
    };
    socket.on('data', onData);
  }

  /** Throws for a first frame that is no valid hello of an expected container. */
  private admit(
    socket: Socket,
    reader: WorkerFrameReader,
    first: WorkerFrame,
    early: WorkerFrame[],
  ): void {
    const hello = first.kind === 'message' ? checked(first.header) : undefined;
    if (hello?.type !== 'hello') throw new VelarError('protocol', 'The first frame is no hello.');
    const { container, runner, channel } = hello;
    if (channel !== undefined) {
      const worker = authenticated(this.admitted.get(container), hello);
      worker.connection.channelConnected(channel, socket);
      return;
    }
    const connection = new WorkerConnection(socket, reader, hello, early);
    if (runner !== undefined) {
      const worker = authenticated(this.admitted.get(container), hello);
      worker.connection.runnerConnected(runner, connection);
      return;
    }
    const expected = authenticated(this.expected.get(container), hello);
    this.expected.delete(container);
    if (hello.protocol !== WORKER_PROTOCOL_VERSION) {
      const error = new VelarError('version', `The worker speaks protocol ${hello.protocol}.`);
      expected.reject(error);
      throw error;
    }
    this.admitted.set(container, { digest: expected.digest, connection });
    socket.on('close', () => this.admitted.delete(container));
    connection.send({ type: 'welcome', leaseMs: LEASE_MS });
    expected.resolve(connection);
  }
}

/** Throws `unauthorised` where the hello has not the token of its container. */
function authenticated<T extends { digest: Buffer }>(known: T | undefined, hello: Hello): T {
  if (known === undefined || !timingSafeEqual(known.digest, digestOf(hello.token))) {
    throw new VelarError('unauthorised', `No container ${hello.container} with that token.`);
  }
  return known;
}

function checked(header: unknown): WorkerMessage {
  const hot = resultHeader(header) ?? callHeader(header);
  if (hot !== undefined) return hot;
  const parsed = workerMessageSchema.safeParse(header);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new VelarError(
    'protocol',
    `A worker sent a bad message: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}.`,
  );
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
