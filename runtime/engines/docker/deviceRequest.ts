/**
 * How a container's cards are asked of the engine. Pure.
 *
 * The runtime holds certain cards for a container, so it asks by id. It never asks by count: Docker's count
 * means the first cards of the machine, whoever holds them. It asks for all where cards can't be told apart.
 * Facts: the engine's API (`DeviceRequest`; `DiscoveredDevices` of `/info` since API 1.50), NVIDIA's
 * documentation of CDI and of WSL 2. Seen on engines without a card only.
 */
import type { ContainerCreateOptions } from 'dockerode';
import { VelarError } from '../../protocol/errors';
import type { Gpu } from '../../protocol/methods';

export type DeviceRequest = NonNullable<
  NonNullable<ContainerCreateOptions['HostConfig']>['DeviceRequests']
>[number];

/** What an engine says of the ways to give cards to containers. */
export interface EngineDevices {
  /** Runtimes that it knows, such as `runc` and `nvidia`. */
  runtimes: readonly string[];
  /**
   * Names of NVIDIA's CDI devices that it can give, such as `nvidia.com/gpu=0`; `unlisted` where it has a
   * specification of them and doesn't tell what is in it, as before Docker 28.2.
   */
  cdiDevices: readonly string[] | 'unlisted';
  /** False under WSL 2, where a container gets every card or none. */
  cardsApart: boolean;
}

/** Kind of NVIDIA's devices in CDI. */
export const KIND = 'nvidia.com/gpu';
const ALL = `${KIND}=all`;
const NVIDIA = { Driver: 'nvidia', Capabilities: [['gpu', 'compute', 'utility']] };

export const TOOLKIT_REMEDY =
  'Install the NVIDIA Container Toolkit, then run `sudo nvidia-ctk runtime configure --runtime=docker` ' +
  'and `sudo systemctl restart docker`.';
export const CDI_REMEDY =
  'Run `sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`, then run again.';

/** By way of what, for people. `none`: neither is there as far as the engine tells. */
export function deviceAccess(engine: EngineDevices): 'nvidia' | 'cdi' | 'none' {
  if (engine.runtimes.includes('nvidia')) return 'nvidia';
  return engine.cdiDevices.length > 0 ? 'cdi' : 'none';
}

/**
 * `everyCard`: the cards are all that the machine has.
 * Throws `unsupported` where the engine has no device for a card, with the remedy.
 */
export function deviceRequest(
  cards: readonly Gpu[],
  everyCard: boolean,
  engine: EngineDevices,
): DeviceRequest {
  if (!engine.cardsApart && !everyCard) throw notApart(cards.length);
  if (deviceAccess(engine) === 'cdi') {
    return { Driver: 'cdi', DeviceIDs: cdiNames(cards, everyCard, engine) };
  }
  // With neither it is asked all the same: NVIDIA's hook can be there without the runtime, and if not, the
  // engine says so.
  return engine.cardsApart
    ? { ...NVIDIA, DeviceIDs: cards.map((card) => card.uuid) }
    : { ...NVIDIA, Count: -1 };
}

function cdiNames(
  cards: readonly Gpu[],
  everyCard: boolean,
  { cdiDevices, cardsApart }: EngineDevices,
): string[] {
  if (!cardsApart) return [ALL];
  if (cdiDevices === 'unlisted') return cards.map((card) => `${KIND}=${card.uuid}`);
  const names = cards.map((card) =>
    // A specification may name cards by id, by number, or by both.
    [`${KIND}=${card.uuid}`, `${KIND}=${card.index}`].find((name) => cdiDevices.includes(name)),
  );
  const found = names.filter((name) => name !== undefined);
  if (found.length === cards.length) return found;
  if (everyCard && cdiDevices.includes(ALL)) return [ALL];
  const missing = cards.filter((_, at) => names[at] === undefined);
  throw new VelarError(
    'unsupported',
    `Docker knows no CDI device for ${missing.map(cardText).join(' and ')}; it knows ${cdiDevices.join(', ')}.`,
    { hint: `The specification is older than the card, or of another machine. ${CDI_REMEDY}` },
  );
}

function cardText({ index, name, uuid }: Gpu): string {
  return `card ${index} (${name}, ${uuid})`;
}

function notApart(count: number): VelarError {
  return new VelarError(
    'unsupported',
    `Under WSL 2 a container gets every card of the machine, and ${count} of them were asked for.`,
    { hint: 'Ask for as many cards as the machine has, such as `gpu="any:2"` on one with two.' },
  );
}
