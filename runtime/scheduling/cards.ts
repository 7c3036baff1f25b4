/** Which cards a container gets of those that nobody holds. Pure. */
import type { GpuRequest } from '../protocol/description';
import type { Gpu } from '../protocol/methods';
import { cardServes, gpuLabel } from '../gpu/names';

export interface CardChoice {
  request: GpuRequest;
  cards: readonly Gpu[];
}

/** The first of the choices that can be had now. Undefined where none can. */
export function chooseCards(
  choices: readonly GpuRequest[],
  free: readonly Gpu[],
): CardChoice | undefined {
  for (const request of choices) {
    const serving = free.filter((gpu) => cardServes(gpu.name, request.name));
    if (serving.length >= request.count) return { request, cards: serving.slice(0, request.count) };
  }
  return undefined;
}

/** Cards that serve any of the choices. */
export function serveAny(choices: readonly GpuRequest[], gpus: readonly Gpu[]): Gpu[] {
  return gpus.filter((gpu) => choices.some(({ name }) => cardServes(gpu.name, name)));
}

/** How many containers the cards are enough for, each with one of the choices. */
export function containersFor(choices: readonly GpuRequest[], gpus: readonly Gpu[]): number {
  let left = [...gpus];
  let containers = 0;
  for (;;) {
    const chosen = chooseCards(choices, left);
    if (chosen === undefined) return containers;
    containers += 1;
    left = left.filter((gpu) => !chosen.cards.includes(gpu));
  }
}

/** `L4 or A100:2`. */
export function choicesLabel(choices: readonly GpuRequest[]): string {
  return choices.map(({ name, count }) => gpuLabel(name, count)).join(' or ');
}
