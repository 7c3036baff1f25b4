/** What environments serve, as far as the Try view tells of it. Pure. */
import {
  environmentSchema,
  type DeployedApp,
  type Environment,
  type Version,
} from '../../../runtime/protocol/deployments';
import { formatTime } from '../../../runtime/protocol/figures';
import type { TryDeployment, TryProblem, TryTarget } from '../../../runtime/protocol/tryState';
import { callableNames, findCallable, type Callable } from './callable';

/** The version that an environment serves; undefined where it serves none. */
export function servedVersion(
  apps: readonly DeployedApp[],
  app: string,
  environment: Environment,
): Version | undefined {
  const deployed = apps.find((each) => each.app === app);
  const served = deployed?.serves.find((each) => each.environment === environment);
  return deployed?.versions.find(({ version }) => version === served?.version);
}

/** Everything that can be tried, app by app, staging first. */
export function deploymentsOf(apps: readonly DeployedApp[]): TryDeployment[] {
  return apps.flatMap(({ app }) =>
    environmentSchema.options.flatMap((environment) => {
      const version = servedVersion(apps, app, environment);
      return version === undefined
        ? []
        : [{ app, environment, version: version.version, functions: callableNames(version) }];
    }),
  );
}

/** A version in a line: its number, commit and who deployed it when. Null while nothing is served. */
export function versionLine(
  apps: readonly DeployedApp[],
  { app, environment }: TryTarget,
): string | null {
  const version = servedVersion(apps, app, environment);
  if (version === undefined) return null;
  const { commit, at, by } = version;
  // Swedish writes days as ISO does, here in the person's own time zone.
  const day = new Date(at).toLocaleDateString('sv-SE');
  const parts = [
    `version ${String(version.version)}`,
    commit === null
      ? 'no git commit known'
      : `${commit.hash.slice(0, 8)}${commit.clean ? '' : ' with uncommitted changes'}`,
    `deployed ${day} ${formatTime(at)} by ${by}`,
  ];
  return parts.join(' · ');
}

/** Why a function that was chosen can't be called any more; null where it can. */
export function missing(
  callable: Callable | undefined,
  { app, environment, qualname }: TryTarget,
): TryProblem | null {
  if (callable !== undefined) return null;
  return {
    message: `In ${environment}, ${app} no longer serves ${qualname}.`,
    hint: 'Choose another function, or deploy a version that has it.',
  };
}

/** Why the two environments can't be compared on a function; null where they can. */
export function notComparable(
  apps: readonly DeployedApp[],
  { app, qualname }: TryTarget,
): string | null {
  const lacking = (['staging', 'production'] satisfies Environment[]).filter((environment) => {
    const version = servedVersion(apps, app, environment);
    return version === undefined || findCallable(version, qualname) === undefined;
  });
  if (lacking.length === 0) return null;
  return `No comparison: in ${lacking.join(' and ')}, ${app} does not serve ${qualname}.`;
}
