/** Draws one line of the log. */
import { h } from '../dom';
import { paletteColour, terminalLine, type Colour, type Span, type TextStyle } from './ansi';
import { gapText, type LogEntry } from './buffer';
import { findFileLinks, type FileLink } from './links';
import { cutSegments, findMatches, type Segment } from './segments';

/** More of one line than this is left to the full log. */
const MAX_SHOWN = 10_000;

/** A row for an entry, with every place of `filter` marked. */
export function logRow(entry: LogEntry, filter: string): HTMLElement {
  if (entry.kind === 'gap') return h('div', { class: 'line gap' }, gapText(entry));
  const spans = clip(terminalLine(entry.raw));
  const text = spans.shown.map((span) => span.text).join('');
  const row = h('div', { class: entry.stream === 'stderr' ? 'line stderr' : 'line' });
  const links = findFileLinks(text);
  const matches = findMatches(text, filter);
  if (links.length === 0 && matches.length === 0 && spans.shown.every((span) => !span.style)) {
    row.append(text === '' ? '\u200b' : text);
  } else {
    row.append(...cutSegments(spans.shown, links, matches).map(segmentNode));
  }
  if (spans.hidden > 0) {
    row.append(
      h('span', { class: 'clipped' }, ` … ${spans.hidden.toLocaleString('en-US')} more characters`),
    );
  }
  return row;
}

function clip(spans: Span[]): { shown: Span[]; hidden: number } {
  let room = MAX_SHOWN;
  const shown: Span[] = [];
  let hidden = 0;
  for (const span of spans) {
    const text = span.text.slice(0, room);
    if (text !== '') shown.push({ text, style: span.style });
    hidden += span.text.length - text.length;
    room -= text.length;
  }
  return { shown, hidden };
}

function segmentNode(segment: Segment): Node {
  let node: Node = document.createTextNode(segment.text);
  if (segment.match) node = h('mark', {}, node);
  if (segment.link !== null) {
    const link = fileLink(segment.link);
    link.append(node);
    node = link;
  }
  if (segment.style !== null) {
    const span = h('span', { class: styleClasses(segment.style) }, node);
    const { fg, bg } = segment.style;
    setColour(span, 'color', fg);
    setColour(span, 'background-color', bg);
    node = span;
  }
  return node;
}

/** A link to a place in a file; its text is the caller's to add. */
export function fileLink(place: Pick<FileLink, 'file' | 'line'>): HTMLElement {
  return h('span', {
    class: 'file-link',
    role: 'link',
    tabindex: 0,
    'data-file': place.file,
    'data-line': place.line,
    title: `Open ${place.file} at line ${place.line}`,
  });
}

/** Calls `open` for a click, Enter or Space on a file link anywhere in `root`. */
export function onFileLink(root: HTMLElement, open: (file: string, line: number) => void): void {
  const follow = (event: Event): void => {
    const link = event.target instanceof Element ? event.target.closest('.file-link') : null;
    if (!(link instanceof HTMLElement)) return;
    event.preventDefault();
    open(link.dataset.file ?? '', Number(link.dataset.line));
  };
  root.addEventListener('click', follow);
  root.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' || event.key === ' ') follow(event);
  });
}

function styleClasses(style: TextStyle): string {
  const names = (['bold', 'dim', 'italic', 'underline', 'inverse', 'strike'] as const).filter(
    (name) => style[name],
  );
  const classes: string[] = names.map((name) => `ansi-${name}`);
  if (typeof style.fg === 'number' && style.fg < 16) classes.push(`fg-${style.fg}`);
  if (typeof style.bg === 'number' && style.bg < 16) classes.push(`bg-${style.bg}`);
  return classes.join(' ');
}

/** Colours that the theme has no name for; the first sixteen are classes. */
function setColour(element: HTMLElement, property: string, colour: Colour | null): void {
  if (colour === null || (typeof colour === 'number' && colour < 16)) return;
  const value = typeof colour === 'number' ? paletteColour(colour) : colour;
  element.style.setProperty(property, value);
}
