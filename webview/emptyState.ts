/** What the panel shows before the first run: how to make one. */
import { h } from './dom';

const sample = [
  'import velar',
  '',
  'app = velar.App("hello")',
  '',
  '@app.function(gpu="L4")',
  'def greet(name: str) -> str:',
  '    return f"Hello, {name}"',
].join('\n');

export function createEmptyState(): HTMLElement {
  return h(
    'main',
    { class: 'empty' },
    h(
      'div',
      { class: 'empty-text' },
      h('h1', {}, 'Run a Python function on a GPU'),
      h(
        'ol',
        {},
        h('li', {}, 'Open a Python file with an ', h('code', {}, '@app.function'), '.'),
        h('li', {}, 'Click ', h('strong', {}, 'Run on GPU'), ' above the function.'),
        h(
          'li',
          {},
          'See every phase, log line, megabyte and cent here as it happens, and the result.',
        ),
      ),
    ),
    h('pre', { class: 'sample', 'aria-label': 'Example' }, h('code', {}, sample)),
  );
}
