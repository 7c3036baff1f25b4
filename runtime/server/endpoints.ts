/** Functions of deployed apps over HTTP: `POST` JSON arguments, get the JSON result; generators as server-sent events. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type DeployedFunction, type Environment } from '../protocol/deployments';
import { ENDPOINT_PATH, OPENAPI_NAME } from '../protocol/endpointPaths';
import { VelarError } from '../protocol/errors';
import type { RunEvent } from '../protocol/events';
import type { RunSummary } from '../protocol/methods';
import { newRunId } from '../protocol/runIds';
import type { CallArguments } from '../protocol/values';
import type { DeploymentService, RunService, ServedFunction } from '../scheduling/service';
import { KEPT_RESULT_MS, MAX_OPEN_CALLS } from '../deployments/callLimits';
import { openApi } from '../deployments/openApi';
import type { KeptCall } from '../store/keptCalls';
import { KEPT_RESULT_CHARACTERS } from '../store/runs';
import type { CallKeeping, Scope } from './callKeeping';
import { errorBody, refuse, StreamAnswer, WholeAnswer } from './endpointAnswers';
import { argumentsOf } from './endpointArguments';
import { readJson, sendJson } from './http';

const MAX_BODY_BYTES = 16 * 1024 * 1024;

interface Route {
  environment: Environment;
  app: string;
  /** Undefined for the app's OpenAPI document. */
  qualname: string | undefined;
  /** Empty for a call that waits, else `calls` and the id of one. */
  rest: string[];
}

export class Endpoints {
  /** Open calls by function. */
  private readonly open = new Map<string, number>();

  constructor(
    private readonly service: Pick<RunService, 'watch' | 'cancel' | 'holdItems'> & {
      deployments: Pick<DeploymentService, 'served' | 'function' | 'callEndpoint' | 'limitWait'>;
    },
    private readonly keeping: CallKeeping,
  ) {}

  /** Answers a request that the gate let in for the environment. Never rejects. */
  async answer(
    request: IncomingMessage,
    response: ServerResponse,
    environment: Environment,
  ): Promise<void> {
    try {
      await this.route(request, response, parseRoute(request, environment));
    } catch (error) {
      refuse(response, VelarError.from(error));
    }
  }

  private async route(
    request: IncomingMessage,
    response: ServerResponse,
    route: Route,
  ): Promise<void> {
    const { environment, app, qualname, rest } = route;
    if (qualname === undefined) {
      allow(request, 'GET');
      sendJson(
        response,
        200,
        openApi(this.service.deployments.served(app, environment), environment),
      );
      return;
    }
    const [calls, id, ...more] = rest;
    if (more.length > 0 || (calls !== undefined && calls !== 'calls')) throw nothingAt(request);
    if (id !== undefined) {
      allow(request, 'GET', 'DELETE');
      if (request.method === 'DELETE') this.forget(response, route, id);
      else this.tell(response, route, id);
      return;
    }
    allow(request, 'POST');
    // What is served may change while the body comes in: the version that is asked now checks and runs the call.
    const served = this.service.deployments.function(app, environment, qualname);
    const { args, instance } = await input(request, served.function);
    if (calls === undefined) await this.call(response, route, served, args, instance);
    else await this.spawn(request, response, route, served, args, instance);
  }

  /** Waits for the call's end, and cancels it when the client goes. */
  private async call(
    response: ServerResponse,
    route: Route,
    served: ServedFunction,
    args: CallArguments,
    instance: CallArguments | undefined,
  ): Promise<void> {
    const { generator } = served.function;
    const leave = this.enter(route);
    const run = newRunId();
    let ended = false;
    let stopLimit: (() => void) | undefined;
    const close = (): void => {
      if (!ended) this.service.cancel(run, 'The client went away before it had the answer.');
    };
    try {
      await this.service.deployments.callEndpoint(run, route.environment, served, args, instance);
      stopLimit = this.service.deployments.limitWait(run);
      response.once('close', close);
      if (response.destroyed) close();
      await new Promise<void>((resolve) => {
        const source = {
          hold: (held: boolean) => this.service.holdItems(run, held),
          giveUp: (reason: string) => this.service.cancel(run, reason),
        };
        const answer = generator
          ? new StreamAnswer(response, run, source)
          : new WholeAnswer(response, run);
        const watch = this.service.watch(run, 0, (events) => {
          for (const event of events) {
            answer.take(event);
            if (event.type === 'ended') ended = true;
          }
          if (ended) resolve();
        });
        // What it prints is in its log; nobody reads it here.
        watch.log.close();
      });
    } finally {
      response.off('close', close);
      stopLimit?.();
      leave();
    }
  }

  /** Takes one of the function's places; returns what gives it back. Throws `conflict`. */
  private enter({ environment, app, qualname = '' }: Route): () => void {
    const key = `${environment}|${app}|${qualname}`;
    const open = this.open.get(key) ?? 0;
    if (open >= MAX_OPEN_CALLS) throw tooMany(open);
    this.open.set(key, open + 1);
    return () => {
      const left = (this.open.get(key) ?? 1) - 1;
      if (left === 0) this.open.delete(key);
      else this.open.set(key, left);
    };
  }

  /** Starts a call that nobody waits for; the same idempotency key names the same call. */
  private async spawn(
    request: IncomingMessage,
    response: ServerResponse,
    route: Route,
    served: ServedFunction,
    args: CallArguments,
    instance: CallArguments | undefined,
  ): Promise<void> {
    const header = request.headers['idempotency-key'];
    const key = typeof header === 'string' ? header : undefined;
    const { run, isNew } = this.keeping.begin(scopeOf(route), key, [args, instance]);
    if (isNew) {
      let leave: (() => void) | undefined;
      try {
        leave = this.enter(route);
        await this.service.deployments.callEndpoint(run, route.environment, served, args, instance);
      } catch (error) {
        this.keeping.drop(run);
        leave?.();
        throw error;
      }
      this.keepWhenEnded(run, leave);
      this.keeping.began();
    }
    const [path] = (request.url ?? '').split('?', 1);
    sendJson(response, 202, this.standing(route, run), { location: `${path}/${run}` });
  }

  private keepWhenEnded(run: string, leave: () => void): void {
    const told: RunEvent[] = [];
    const watch = this.service.watch(run, 0, (events) => {
      for (const event of events) {
        if (event.type === 'result' || event.type === 'error') told.push(event);
        if (event.type !== 'ended') continue;
        this.keeping.end(run, told);
        leave();
      }
    });
    watch.log.close();
  }

  private tell(response: ServerResponse, route: Route, id: string): void {
    sendJson(response, 200, this.standing(route, id));
  }

  /** Ends a call that goes on, and forgets its result. */
  private forget(response: ServerResponse, route: Route, id: string): void {
    this.checkKept(route, id);
    this.service.cancel(id);
    this.keeping.drop(id);
    response.writeHead(204, { 'cache-control': 'no-store' }).end();
  }

  /** How a call stands that nobody waits for. Throws `not-found`. */
  private standing(route: Route, id: string): object {
    const { expiresAt } = this.checkKept(route, id);
    const { summary, events } = this.pastOf(id);
    const result = events.find((event) => event.type === 'result')?.result;
    const error = events.find((event) => event.type === 'error')?.error;
    return {
      id,
      status: summary.status,
      ms: summary.ms,
      keptForMs: KEPT_RESULT_MS,
      expiresAt,
      ...(result === undefined ? {} : 'value' in result ? { result: result.value } : result),
      ...(error === undefined ? {} : { error: errorBody(error) }),
      ...(summary.status === 'succeeded' && result === undefined ? { note: RESULT_TOO_LONG } : {}),
    };
  }

  private checkKept(route: Route, id: string): KeptCall {
    const scope = scopeOf(route);
    const kept = this.keeping.find(scope, id);
    if (kept !== undefined) return kept;
    const [environment, app, qualname] = scope;
    const { summary } = this.pastOf(id, `${app}.${qualname} has no call ${id}.`);
    const isOwn =
      summary.app === app && summary.qualname === qualname && summary.environment === environment;
    if (!isOwn) throw new VelarError('not-found', `${app}.${qualname} has no call ${id}.`);
    throw new VelarError('not-found', `Nothing of call ${id} is kept here.`, {
      hint: `Results of calls that nobody waits for are kept for ${KEPT_RESULT_MS / 3_600_000} hours from their end on, or until they are removed; those of other calls go to whoever waits.`,
      details: { status: 410 },
    });
  }

  /** Throws `not-found`, with the message. */
  private pastOf(id: string, unknown?: string): { summary: RunSummary; events: RunEvent[] } {
    const events: RunEvent[] = [];
    try {
      const watch = this.service.watch(id, 0, (more) => events.push(...more));
      watch.log.close();
      watch.close();
      return { summary: watch.summary(), events };
    } catch (cause) {
      throw unknown === undefined ? cause : new VelarError('not-found', unknown, { cause });
    }
  }
}

const RESULT_TOO_LONG = `Its result has more than ${KEPT_RESULT_CHARACTERS} characters as JSON, and is not kept.`;

function scopeOf({ environment, app, qualname = '' }: Route): Scope {
  return [environment, app, qualname];
}

function parseRoute(request: IncomingMessage, environment: Environment): Route {
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  const parts = path
    .slice(ENDPOINT_PATH.length)
    .split('/')
    .slice(1)
    .map((part) => decoded(part, request));
  const [app = '', qualname, ...rest] = parts;
  if (app === '' || qualname === undefined || qualname === '') throw nothingAt(request);
  return { environment, app, qualname: qualname === OPENAPI_NAME ? undefined : qualname, rest };
}

async function input(
  request: IncomingMessage,
  found: DeployedFunction,
): Promise<{ args: CallArguments; instance: CallArguments | undefined }> {
  const type = request.headers['content-type'] ?? 'application/json';
  if (!/^application\/json\b/i.test(type)) {
    throw new VelarError('invalid', `Arguments come as application/json, not ${type}.`, {
      details: { status: 415 },
    });
  }
  return argumentsOf(await readJson(request, MAX_BODY_BYTES), found);
}

function allow({ method }: IncomingMessage, ...wanted: ('GET' | 'POST' | 'DELETE')[]): void {
  if (wanted.some((each) => each === method)) return;
  throw new VelarError('unsupported', `This address takes ${wanted.join(' and ')} requests.`);
}

function decoded(part: string, request: IncomingMessage): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw nothingAt(request);
  }
}

function nothingAt({ url }: IncomingMessage): VelarError {
  return new VelarError('not-found', `There is nothing at ${(url ?? '').split('?', 1)[0] ?? ''}.`, {
    hint: `Endpoints are at ${ENDPOINT_PATH}ENVIRONMENT/APP/FUNCTION.`,
  });
}

function tooMany(open: number): VelarError {
  return new VelarError('conflict', `${open} calls of this function wait or run already.`, {
    hint: 'Try again in a moment, or raise `max_containers`.',
    details: { status: 503 },
  });
}
