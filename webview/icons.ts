/** The page's icons: 16 × 16 outlines in the colour of the text. */

const paths = {
  check: 'M3 8.5 6.5 12 13 4.5',
  cross: 'M4 4l8 8M12 4l-8 8',
  skip: 'M4.5 8h7',
  pending: 'M8 5.2a2.8 2.8 0 1 0 0 5.6a2.8 2.8 0 1 0 0-5.6z',
  spinner: 'M8 2.5a5.5 5.5 0 1 1-5.5 5.5',
  cancelled: 'M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11zM4.2 4.2l7.6 7.6',
  stop: 'M4 4h8v8H4z',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  rerun: 'M13 8a5 5 0 1 1-1.5-3.6M12.5 1.8v3h-3',
  copy: 'M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z',
  wrap: 'M2 3.5h12M2 8h9.5a2.25 2.25 0 0 1 0 4.5H8M9.8 10.7 8 12.5l1.8 1.8M2 12.5h3',
  save: 'M8 2v8M4.8 7 8 10.2 11.2 7M2.5 13.5h11',
  open: 'M6.5 3h-4v10.5H13V9.5M9.5 2.5h4v4M13.2 2.8 7.5 8.5',
  bottom: 'M8 2.5v8M4.5 7.2 8 10.7l3.5-3.5M3 13.5h10',
  filter: 'M2 3.5h12L9.5 9v4.5l-3-1.5V9z',
  warning: 'M8 2.5 14.5 13.5h-13zM8 6.5v3.5M8 11.4v.6',
  chip: 'M4.5 4.5h7v7h-7zM6.5 2v2.5M9.5 2v2.5M6.5 11.5V14M9.5 11.5V14M2 6.5h2.5M2 9.5h2.5M11.5 6.5H14M11.5 9.5H14',
  back: 'M10 3 5 8l5 5',
  call: 'M4.5 3v10l8-5z',
  compare: 'M3 2.5v11h4v-11zM9 2.5v11h4v-11z',
  hint: 'M6.2 12h3.6M6.7 14h2.6M6.2 12c0-1.8-2-2.4-2-5a3.8 3.8 0 0 1 7.6 0c0 2.6-2 3.2-2 5',
} as const;

export type IconName = keyof typeof paths;

/** An icon for the eye only: the control or text beside it carries the meaning. */
export function icon(name: IconName): SVGSVGElement {
  const namespace = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(namespace, 'svg');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('width', '16');
  svg.setAttribute('height', '16');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', `icon icon-${name}`);
  const path = document.createElementNS(namespace, 'path');
  path.setAttribute('d', paths[name]);
  svg.append(path);
  return svg;
}
