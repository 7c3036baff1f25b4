/** Matches the names that functions ask for with the names that cards bear. Pure. */

/** Longest names first, so that `L40S` isn't taken for `L4`. */
const MODELS: readonly { model: string; pattern: RegExp }[] = [
  { model: 'H200', pattern: /\bH200\b/ },
  { model: 'H100-SXM', pattern: /\bH100\b.*\b(SXM\d?|HBM3)\b/ },
  { model: 'H100', pattern: /\bH100\b/ },
  { model: 'A100', pattern: /\bA100\b/ },
  { model: 'L40S', pattern: /\bL40S\b/ },
  { model: 'L40', pattern: /\bL40\b/ },
  { model: 'L4', pattern: /\bL4\b/ },
  { model: 'RTX6000Ada', pattern: /\bRTX 6000 Ada\b/ },
  { model: 'RTXA6000', pattern: /\b(RTX )?A6000\b/ },
  { model: 'RTX5090', pattern: /\bRTX 5090\b/ },
  { model: 'RTX4090', pattern: /\bRTX 4090\b/ },
  { model: 'RTX3090', pattern: /\bRTX 3090\b/ },
  { model: 'A10', pattern: /\bA10G?\b/ },
  { model: 'T4', pattern: /\bT4\b/ },
];

/** The name to ask for, of a card that calls itself `NVIDIA L4`; null for a card without one. */
export function modelOf(cardName: string): string | null {
  return MODELS.find(({ pattern }) => pattern.test(cardName))?.model ?? null;
}

/**
 * True when a card serves a request. `H100` takes either form of the H100; `any` takes every card; a card
 * that has no name of its own here is asked for by what nvidia-smi calls it.
 */
export function cardServes(cardName: string, wanted: string): boolean {
  const name = normalise(wanted);
  if (name === 'any') return true;
  const model = modelOf(cardName);
  if (model !== null) {
    return normalise(model) === name || (name === 'h100' && model === 'H100-SXM');
  }
  return normalise(cardName.replace(/^NVIDIA\s+/i, '')) === name;
}

/** `A100:2` for two, `L4` for one. */
export function gpuLabel(name: string, count: number): string {
  return count === 1 ? name : `${name}:${count}`;
}

function normalise(name: string): string {
  return name.toLowerCase().replace(/[\s_-]+/g, '');
}
