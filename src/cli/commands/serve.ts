/** `velar serve`: the runtime in the foreground, for other machines or other people to pair with. */
import { spawn } from 'node:child_process';
import { VelarError } from '../../../runtime/protocol/errors';
import { runtimeScript, type CliContext } from '../context';

export interface ServeOptions {
  json: boolean;
  host?: string;
  port?: string;
  name?: string;
  engine?: string;
  /** Sites whose web pages may call endpoints. */
  allowOrigin?: string[];
}

/** Ends with the runtime's own exit code. Interrupts are the runtime's to handle. */
export function serve(context: CliContext, options: ServeOptions): Promise<number> {
  const flags = Object.entries({
    host: options.host,
    port: options.port,
    name: options.name,
    engine: options.engine,
  }).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
  const origins = (options.allowOrigin ?? []).flatMap((origin) => ['--allow-origin', origin]);
  const json = options.json ? ['--json'] : [];
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [runtimeScript(context), '--serve', ...flags, ...origins, ...json],
      {
        stdio: 'inherit',
        env: { ...context.environment, VELAR_HOME: context.home },
      },
    );
    context.interrupts.handle(() => {
      // The terminal tells the whole group; a signal to us alone has to be passed on.
      child.kill('SIGTERM');
    });
    child.once('error', (error) => {
      reject(
        new VelarError('internal', `The runtime could not be started: ${error.message}.`, {
          cause: error,
        }),
      );
    });
    child.once('exit', (code, signal) => {
      resolve(code ?? (signal === 'SIGINT' || signal === 'SIGTERM' ? 130 : 4));
    });
  });
}
