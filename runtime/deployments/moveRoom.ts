/** Whether a version can come up beside the one that is served, on the cards that there are. Pure. */
import type { DeployedFunction, Environment, Version } from '../protocol/deployments';
import type { GpuRequest } from '../protocol/description';
import type { Gpu } from '../protocol/methods';
import { chooseCards } from '../scheduling/cards';

/** What whoever lets an environment serve the version should know before; empty where nothing has to wait. */
export function roomNotes(
  environment: Environment,
  from: Version | undefined,
  to: Version,
  gpus: readonly Gpu[],
): string[] {
  if (from === undefined) return [];
  const served = needs(from, gpus).flatMap(({ choices, min }) =>
    Array.from({ length: Math.max(1, min) }, () => choices),
  );
  const next = needs(to, gpus).map(({ choices }) => choices);
  if (served.length === 0 || next.length === 0 || fit([...served, ...next], gpus)) return [];
  const calls = `calls of ${environment} wait while version ${to.version} comes up; none is lost`;
  return [`there are too few cards for version ${from.version} and this one at once: ${calls}`];
}

interface Need {
  choices: readonly GpuRequest[];
  /** Containers that are kept. */
  min: number;
}

/** Containers on cards that functions need: those with the same code, image and cards share them. */
function needs({ functions }: Version, gpus: readonly Gpu[]): Need[] {
  const groups = new Map<string, Need>();
  for (const fn of functions) {
    const { gpu, minContainers } = fn.options;
    const choices = gpu.filter((request) => chooseCards([request], gpus) !== undefined);
    if (choices.length === 0) continue;
    const key = groupOf(fn);
    const min = (groups.get(key)?.min ?? 0) + minContainers;
    groups.set(key, { choices, min });
  }
  return [...groups.values()];
}

function groupOf({ imageKey, options: { gpu, env, secrets } }: DeployedFunction): string {
  return JSON.stringify([imageKey, gpu, env, secrets]);
}

function fit(all: readonly (readonly GpuRequest[])[], gpus: readonly Gpu[]): boolean {
  let left = [...gpus];
  for (const choices of all) {
    const chosen = chooseCards(choices, left);
    if (chosen === undefined) return false;
    left = left.filter((gpu) => !chosen.cards.includes(gpu));
  }
  return true;
}
