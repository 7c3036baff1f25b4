/** What would be sent, as a document: files with sizes and reasons, then what stays, with reasons. Pure. */
import type { Bundle } from '../../client/bundle/bundle';
import { formatBytes } from '../../../runtime/protocol/figures';

export function bundleText(bundle: Bundle, file: string): string {
  const decisions = bundle.decisions();
  const sent = decisions.filter((decision) => decision.sent);
  const kept = decisions.filter((decision) => !decision.sent);
  const lines = [
    `What running a function of ${file} would send`,
    '',
    `Root     ${bundle.root}`,
    `Bundle   ${bundle.id}`,
    `Size     ${formatBytes(bundle.totalBytes)} in ${String(bundle.files.length)} files; of these only what the runtime lacks is sent`,
    '',
    ...section(
      'Sent',
      sent.map(({ path, reason, size }) => [formatBytes(size ?? 0), path, reason]),
    ),
    ...section(
      'Not sent',
      kept.map(({ path, reason }) => ['', path, reason]),
    ),
    ...section(
      'Missing: imported, but not in the workspace',
      bundle.missing.map((each) => [
        '',
        each.module,
        `${each.file} line ${String(each.line)}; expected ${each.expected}`,
      ]),
    ),
    ...section(
      'From the image: imported, and neither in the workspace nor in the standard library',
      [...new Map(bundle.external.map((each) => [each.topLevel, each])).values()].map((each) => [
        '',
        each.topLevel,
        `${each.file} line ${String(each.line)}${each.optional ? ', optional' : ''}`,
      ]),
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function section(title: string, rows: readonly (readonly [string, string, string])[]): string[] {
  if (rows.length === 0) return [];
  const width = Math.min(60, Math.max(...rows.map(([, path]) => path.length)));
  const sizes = Math.max(...rows.map(([size]) => size.length));
  return [
    `${title} (${String(rows.length)})`,
    ...rows.map(
      ([size, path, reason]) => `  ${size.padStart(sizes)}  ${path.padEnd(width)}  ${reason}`,
    ),
    '',
  ];
}
