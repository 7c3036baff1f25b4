/** What the page remembers of how a person set it up. Nothing about runs. */
export interface Prefs {
  wrap: boolean;
  filter: string;
  /** Widths of the outer columns in px; null until dragged. */
  leftPx: number | null;
  rightPx: number | null;
}

const defaults: Prefs = { wrap: true, filter: '', leftPx: null, rightPx: null };

/** Reads kept preferences; whatever is missing or of another type takes its default. */
export function readPrefs(kept: unknown): Prefs {
  if (typeof kept !== 'object' || kept === null) return defaults;
  const value = kept as Record<string, unknown>;
  const width = (name: string): number | null => {
    const number = value[name];
    return typeof number === 'number' && Number.isFinite(number) && number > 0 ? number : null;
  };
  return {
    wrap: typeof value.wrap === 'boolean' ? value.wrap : defaults.wrap,
    filter: typeof value.filter === 'string' ? value.filter : defaults.filter,
    leftPx: width('leftPx'),
    rightPx: width('rightPx'),
  };
}
