/**
 * Runs one compiled bench: node runOne.mjs MODULE [name…]. Exit code 77: not one of the names.
 * A bench module exports `name` and `run()`, an async iterable of its figures.
 */
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runMain } from '../lib/tree.mjs';

/**
 * @typedef {object} Figure
 * @property {string} bench what was measured
 * @property {number} value in `unit`
 * @property {string} unit
 * @property {number | null} floor what the machine itself allows, measured in the same run, same unit
 * @property {number | null} ratio value to floor
 */

const [path = '', ...wanted] = process.argv.slice(2);

await runMain(async () => {
  const loaded = /** @type {{ default?: object }} */ (await import(pathToFileURL(path).href));
  const bench = /** @type {{ name: string, run: () => AsyncIterable<Figure> }} */ ({
    ...loaded.default,
    ...loaded,
  });
  const names = [bench.name, basename(path, '.js')];
  const asked = wanted.length === 0 || wanted.some((part) => names.some((n) => n.includes(part)));
  if (!asked) return 77;
  for await (const { bench: what, value, unit, floor, ratio } of bench.run()) {
    console.log(JSON.stringify({ bench: what, value, unit, floor, ratio }));
  }
  return 0;
});
