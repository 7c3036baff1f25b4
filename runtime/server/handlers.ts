/** What each request does. A method without a handler, or a wrong result, does not compile. */
import * as z from 'zod';
import { VelarError } from '../protocol/errors';
import {
  methods,
  type Check,
  type MethodName,
  type MethodParams,
  type MethodResult,
  type RuntimeInfo,
} from '../protocol/methods';
import type { RunService, Starter } from '../scheduling/service';
import type { Store } from '../store/store';
import { OWNER } from './gate';
import { SessionRunWatch } from './runWatch';
import type { Dispatch, Session } from './session';
import { acceptDuplex } from './streamDuplex';
import { receiveUpload } from './uploads';

export interface HandlerContext {
  service: RunService;
  store: Pick<Store, 'blobs' | 'bundles' | 'devices' | 'secrets'>;
  info(): Promise<RuntimeInfo>;
  doctor(): Promise<Check[]>;
  /** The client that asks needs the runtime no more. True when the runtime ends with it. */
  release(): boolean;
  /** Ends the connections of a device that was revoked. */
  revoked(device: string): void;
}

type Handlers = {
  [M in MethodName]: (
    params: MethodParams<M>,
    session: Session,
  ) => MethodResult<M> | Promise<MethodResult<M>>;
};

/** The dispatcher of all requests. Parameters that don't fit their schema are `invalid`, with the place. */
export function createDispatch(context: HandlerContext): Dispatch {
  const handlers = createHandlers(context);
  return (method, params, session) => {
    const name = method as MethodName;
    const parsed = methods[name].params.safeParse(params);
    if (!parsed.success) {
      throw new VelarError('invalid', `${method}: ${z.prettifyError(parsed.error)}`, {
        hint: 'Client and runtime may be of different versions: bring both up to date.',
      });
    }
    // The table's type ties each handler to its schema; the checker can't follow that through a variable name.
    return (handlers[name] as (params: unknown, session: Session) => unknown)(parsed.data, session);
  };
}

function createHandlers(context: HandlerContext): Handlers {
  const { service, store } = context;
  const watches = new WeakMap<Session, Map<string, SessionRunWatch>>();

  /** Watches a run anew; the session's earlier watch of it, if any, ends. */
  const watch = (session: Session, run: string, afterSeq: number): SessionRunWatch => {
    const own = watches.get(session) ?? new Map<string, SessionRunWatch>();
    watches.set(session, own);
    own.get(run)?.close();
    const made = new SessionRunWatch(session, run, afterSeq, service, (closed) => {
      if (own.get(run) === closed) own.delete(run);
    });
    own.set(run, made);
    return made;
  };

  const starter = ({ principal: { device }, signal }: Session): Starter => ({
    device,
    gone: signal,
  });

  const deviceName = ({ principal: { device } }: Session): string =>
    store.devices.list().find(({ id }) => id === device)?.name ?? 'this machine';

  return {
    'runtime.info': () => context.info(),
    'runtime.doctor': async () => ({ checks: await context.doctor() }),
    'runtime.release': () => ({ ends: context.release() }),

    'bundle.offer': async (params, session) => {
      service.prepare();
      const upload = settled(
        params.upload && receiveUpload(params.upload, session.streams, store.blobs),
      );
      await store.bundles.offer(params);
      await upload();
      return { missing: store.bundles.missing(params.bundle) };
    },
    'bundle.upload': async ({ bundle, upload }, session) => {
      await receiveUpload(upload, session.streams, store.blobs);
      return { missing: store.bundles.missing(bundle) };
    },

    'app.describe': ({ bundle, file }, session) => service.describe(bundle, file, session.signal),

    'run.start': async (params, session) => {
      await service.start(params, starter(session));
      session.signal.throwIfAborted();
      return { logStream: watch(session, params.run, 0).logStream };
    },
    'run.rerun': async (params, session) => {
      await service.reruns.start(params, starter(session));
      session.signal.throwIfAborted();
      return { logStream: watch(session, params.run, 0).logStream };
    },
    'run.failedInputs': async ({ run }) => {
      const { summary, inputs, notKept } = await service.reruns.failed(run);
      const { file, qualname } = summary;
      return { file, qualname, inputs: inputs.length, notKept };
    },
    'run.attach': ({ run, afterSeq }, session) => {
      const made = watch(session, run, afterSeq);
      return { summary: made.summary(), logStream: made.logStream };
    },
    'run.cancel': ({ run }) => {
      service.cancel(run);
      return {};
    },
    'run.openCaller': ({ run, callerStream, outputStream }, session) => {
      const caller = acceptDuplex(callerStream, session.streams, session);
      const output = acceptDuplex(outputStream, session.streams, session);
      try {
        service.openCaller(run, caller, output);
        session.holdCaller(caller);
      } catch (error) {
        caller.destroy();
        output.destroy();
        throw error;
      }
      return {};
    },
    'run.finish': ({ run, error, frames }) => {
      service.finish(run, error, frames);
      return {};
    },
    'run.frames': ({ run }) => service.frames(run),
    'run.active': (_params, session) => ({ runs: service.startedBy(session.principal.device) }),
    'run.list': ({ limit, endpoints }) => {
      const activeEndpointCalls = service.activeEndpointCalls();
      return {
        runs: service.list(limit, endpoints),
        ...(activeEndpointCalls === 0 ? {} : { activeEndpointCalls }),
      };
    },

    'debug.open': ({ run, stream }, session) => {
      const channel = acceptDuplex(stream, session.streams, session);
      try {
        service.debugging.open(run, channel);
      } catch (error) {
        channel.destroy();
        throw error;
      }
      return {};
    },
    'debug.awaitCall': async ({ container }, session) => ({
      run: await service.debugging.awaitCall(container, session.signal, session),
    }),
    'debug.giveUp': ({ container }, session) => {
      service.debugging.giveUp(container, session);
      return {};
    },

    'deployment.create': (params, session) => {
      service.deployments.create(params, deviceName(session));
      return { logStream: watch(session, params.run, 0).logStream };
    },
    'deployment.move': (params, session) => {
      service.deployments.move(params, deviceName(session));
      return { logStream: watch(session, params.run, 0).logStream };
    },
    'deployment.undeploy': (params, session) => {
      service.deployments.undeploy(params, deviceName(session));
      return {};
    },
    'deployment.list': () => ({ apps: service.deployments.list() }),
    'deployment.served': ({ app, environment }) => ({
      version: service.deployments.served(app, environment),
    }),
    'deployment.history': ({ app, environment }) => ({
      versions: service.deployments.history(app, environment),
    }),
    'deployment.call': async (params, session) => {
      const { run, environment, app, qualname, arguments: given, instance } = params;
      await service.deployments.call(run, environment, app, qualname, given, instance);
      session.signal.throwIfAborted();
      return { logStream: watch(session, run, 0).logStream };
    },
    'deployment.diff': ({ app, environment, version, from }) =>
      service.deployments.diff(app, environment, version, from),
    'deployment.file': ({ app, version, path }) => service.deployments.file(app, version, path),
    'deployment.protect': ({ app, on }) => {
      service.deployments.protect(app, on);
      return {};
    },
    'key.create': ({ environment, name }) => service.deployments.createKey(environment, name),
    'key.list': () => ({ keys: service.deployments.keys() }),
    'key.remove': ({ id }) => {
      service.deployments.removeKey(id);
      return {};
    },

    'container.list': () => ({ containers: service.containers() }),
    'container.stop': async ({ container }) => {
      await service.stopContainer(container);
      return {};
    },
    'gpu.list': () => service.readGpus(),

    'secrets.list': () => ({ secrets: store.secrets.list() }),
    'secrets.set': ({ name, values, environment }) => ({
      secret: store.secrets.set(name, values, Date.now(), environment),
    }),
    'secrets.remove': ({ name, environment }) => {
      store.secrets.remove(name, environment);
      return {};
    },

    'storage.list': async () => ({ items: await service.storage.list() }),
    'storage.remove': async ({ kind, name }) => ({
      bytes: await service.storage.remove(kind, name),
    }),
    'storage.prune': async () => ({ bytes: await service.storage.prune() }),

    'cost.report': ({ days }) => service.costs.report(days),
    'budget.list': () => ({ budgets: service.costs.budgets() }),
    'budget.set': (budget) => ({ budget: service.costs.setBudget(budget) }),
    'budget.remove': ({ app }) => {
      service.costs.removeBudget(app);
      return {};
    },

    'device.list': (_params, session) => ({
      devices: store.devices.list().map(({ id, name, pairedAt, lastSeenAt }) => ({
        id,
        name,
        pairedAt,
        lastSeenAt,
        current: id === session.principal.device,
      })),
    }),
    'device.revoke': ({ device = '' }, session) => {
      const id = device === '' ? session.principal.device : device;
      if (id === OWNER) {
        throw new VelarError(
          'invalid',
          'This machine’s own user is not paired, so can’t be unpaired.',
        );
      }
      if (!store.devices.remove(id)) {
        throw new VelarError('not-found', `No device ${id} is paired.`);
      }
      context.revoked(id);
      return {};
    },
  };
}

/** Lets a promise be awaited later without counting as unhandled until then. */
function settled(work: Promise<void> | undefined): () => Promise<void> {
  const outcome = work?.then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  return async () => {
    const failed = await outcome;
    if (failed !== undefined) throw failed.error;
  };
}
