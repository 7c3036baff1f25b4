/** Theme colours for the canvas, which knows no CSS variables. */

/** The value of a theme variable, or of `fallback` where the theme has none. */
export function themeColour(name: string, fallback: string): string {
  const style = getComputedStyle(document.body);
  return style.getPropertyValue(name).trim() || style.getPropertyValue(fallback).trim();
}

/** An opaque colour made translucent; one that is translucent already stays. `alpha`: 0 to 1. */
export function translucent(colour: string, alpha: number): string {
  const context = document.createElement('canvas').getContext('2d');
  if (context === null) return colour;
  context.fillStyle = colour;
  const known = context.fillStyle;
  if (!known.startsWith('#')) return known;
  return `${known}${Math.round(alpha * 255)
    .toString(16)
    .padStart(2, '0')}`;
}
