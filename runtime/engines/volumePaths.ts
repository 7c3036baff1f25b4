/** Where a function finds its volumes, and the model caches that all functions share. Pure. */

/** Names to paths as JSON: what `velar.Volume.path` reads. */
const VOLUMES_VARIABLE = 'VELAR_VOLUMES';

/** Volume that holds downloaded models, for engines whose containers don't see the person's own caches. */
export const MODEL_CACHE_VOLUME = 'model-cache';

/** The variable that tells a function the paths of its volumes; none where it has none. */
export function volumeEnvironment(paths: Readonly<Record<string, string>>): Record<string, string> {
  return Object.keys(paths).length === 0 ? {} : { [VOLUMES_VARIABLE]: JSON.stringify(paths) };
}

/**
 * Variables that keep downloaded models under `root`, the place of the model cache in the container. Hugging
 * Face's `HF_HOME` and torch's `TORCH_HOME`, each as its documentation names it.
 */
export function modelCacheEnvironment(root: string): Record<string, string> {
  return { HF_HOME: `${root}/huggingface`, TORCH_HOME: `${root}/torch` };
}
