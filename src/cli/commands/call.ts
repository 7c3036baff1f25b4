/** `velar call`: a function as an environment serves it. */
import { startDeployedCall } from '../../client/deploy';
import { parseCallArguments } from '../argumentLists';
import type { CliContext } from '../context';
import { followToExit } from '../followRun';
import { environmentOf, functionOf } from '../named';
import { withRuntime, type RuntimeOptions } from '../session';

export function call(
  context: CliContext,
  target: string,
  options: RuntimeOptions & {
    json: boolean;
    env: string;
    args?: string;
    kwargs?: string;
    output?: string;
  },
): Promise<number> {
  const environment = environmentOf(options.env);
  const { app, qualname } = functionOf(target, 'velar call demo.hello');
  const given = parseCallArguments(options.args, options.kwargs, {
    args: '--args',
    kwargs: '--kwargs',
  });
  return withRuntime(context, options, (connection) => {
    const handle = startDeployedCall(connection, { app, environment, qualname, arguments: given });
    return followToExit(context, handle, options, `calling ${target} in ${environment}`);
  });
}
