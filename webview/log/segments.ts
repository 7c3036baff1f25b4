/** Cuts a line at the borders of its colours, links and matches. Pure. */
import type { Span, TextStyle } from './ansi';
import type { FileLink } from './links';

interface Range {
  start: number;
  end: number;
}

export interface Segment {
  text: string;
  style: TextStyle | null;
  link: FileLink | null;
  match: boolean;
}

/** Every place where `needle` stands in `text`, whatever its case. */
export function findMatches(text: string, needle: string): Range[] {
  if (needle === '') return [];
  const haystack = text.toLowerCase();
  const wanted = needle.toLowerCase();
  const ranges: Range[] = [];
  let start = haystack.indexOf(wanted);
  while (start !== -1) {
    ranges.push({ start, end: start + wanted.length });
    start = haystack.indexOf(wanted, start + wanted.length);
  }
  return ranges;
}

/** Segments that, joined, give the text of the spans. Links and matches are in order, none overlapping. */
export function cutSegments(
  spans: readonly Span[],
  links: readonly FileLink[],
  matches: readonly Range[],
): Segment[] {
  const segments: Segment[] = [];
  const covering = <T extends Range>(ranges: readonly T[], at: number): T | null =>
    ranges.find((range) => range.start <= at && at < range.end) ?? null;
  const borders = [...links, ...matches]
    .flatMap((range) => [range.start, range.end])
    .sort((a, b) => a - b);
  let offset = 0;
  for (const span of spans) {
    const end = offset + span.text.length;
    const cuts = [...borders.filter((border) => border > offset && border < end), end];
    let from = offset;
    for (const cut of cuts) {
      if (cut === from) continue;
      segments.push({
        text: span.text.slice(from - offset, cut - offset),
        style: span.style,
        link: covering(links, from),
        match: covering(matches, from) !== null,
      });
      from = cut;
    }
    offset = end;
  }
  return segments;
}
