/** Which app of a file is deployed, and what a version keeps of its functions. */
import type { DeployedFunction } from '../protocol/deployments';
import type { FunctionDescription } from '../protocol/description';
import type { RunError } from '../protocol/values';
import type { Target } from '../scheduling/target';

export interface Chosen {
  name: string;
  /** What can be called. */
  functions: readonly FunctionDescription[];
  /** Whose methods are among them. */
  classes: readonly FunctionDescription[];
}

/** The app of a file that is deployed: the one that is named, or the only one. */
export function chooseApp(
  apps: readonly { name: string; functions: readonly FunctionDescription[] }[],
  wanted: string | undefined,
  file: string,
): Chosen | { error: RunError } {
  const deployable = apps.flatMap(({ name, functions }) => {
    const own = functions.filter(({ kind }) => kind !== 'local_entrypoint' && kind !== 'cls');
    const classes = functions.filter(({ kind }) => kind === 'cls');
    return own.length === 0 ? [] : [{ name, functions: own, classes }];
  });
  const named = wanted === undefined ? deployable : deployable.filter((app) => app.name === wanted);
  const [only, ...others] = named;
  if (only !== undefined && others.length === 0) return only;
  const names = deployable.map(({ name }) => name).join(', ');
  return {
    error: {
      kind: 'user',
      type: only === undefined ? 'NothingToDeploy' : 'SeveralApps',
      message:
        only === undefined
          ? `${file} declares no function ${wanted === undefined ? '' : `of an app ${wanted} `}to deploy.`
          : `${file} declares several apps: ${names}.`,
      traceback: [],
      hint:
        only === undefined
          ? 'Decorate one with @app.function() or @app.endpoint().'
          : 'Name the one to deploy with --app.',
    },
  };
}

/** A function as a version keeps it, once its image is there. */
export async function deployedFrom(
  { function: found, image }: Target,
  classes: readonly FunctionDescription[],
): Promise<DeployedFunction> {
  const pin = await image.pin();
  const { secrets, ...options } = found.options;
  const names = secrets.map(({ name, values }) => name ?? Object.keys(values ?? {}).join(', '));
  const owner = classes.find(({ qualname }) => found.qualname.startsWith(`${qualname}.`));
  return {
    ...found,
    options: { ...options, secrets: names },
    imageKey: image.key,
    ...(pin === undefined ? {} : { pin }),
    ...(owner === undefined ? {} : { constructorParameters: owner.parameters }),
  };
}
