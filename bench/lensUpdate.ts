/** How long an edit of a 5,000-line file takes until its functions are known again. Goal: p99 at most 10 ms. */
import { parser } from '@lezer/python';
import { PythonDocument } from '../src/discovery/parse';
import { figure, percentile, timeEach, type Figure } from './support/statistics';

export const name = 'lensUpdate';

const LINES = 5_000;
const EDITS = 500;
/** Until the parser runs compiled code: what a person meets after the first words typed. */
const WARM_UP = 100;

function source(): string {
  const lines = ['import velar', '', 'app = velar.App("large")', ''];
  for (let index = 0; lines.length < LINES; index += 1) {
    lines.push(
      `@app.function(gpu="L4", timeout=${String(60 + index)})`,
      `def step_${String(index)}(count: int = ${String(index)}, *, name: str = "x") -> dict:`,
      `    """Step ${String(index)}."""`,
      '    total = 0',
      '    for number in range(count):',
      '        if number % 3 == 0:',
      '            total += number * 2',
      '        else:',
      '            total -= len(name) + number',
      '    return {"total": total, "name": name}',
      '',
      '',
    );
  }
  return lines.join('\n');
}

export async function* run(): AsyncGenerator<Figure> {
  const text = source();
  const document = new PythonDocument(text);
  document.functions();
  // A person types in one place for a while, then elsewhere; in between the syntax is broken.
  const typed = '\n    x = (1';
  const samples: number[] = [];
  let place = 0;
  for (let index = 0; index < WARM_UP + EDITS; index += 1) {
    const key = index % typed.length;
    if (key === 0) place = lineStart(document.text, 1 + ((index * 7919) % (LINES - 100)));
    const started = performance.now();
    document.edit([{ from: place, to: place, insert: typed.charAt(key) }]);
    document.functions();
    if (index >= WARM_UP) samples.push(performance.now() - started);
    place += 1;
  }
  const floor = await timeEach(20, () => {
    parser.parse(text);
  });
  yield figure(
    'lens update p99, 5,000 lines',
    percentile(samples, 0.99),
    'ms',
    percentile(floor, 0.5),
  );
  yield figure(
    'lens update p50, 5,000 lines',
    percentile(samples, 0.5),
    'ms',
    percentile(floor, 0.5),
  );
}

function lineStart(text: string, line: number): number {
  return text.split('\n', line).join('\n').length;
}
