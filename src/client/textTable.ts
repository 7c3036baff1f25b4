/** Tables as plain text. Pure. */

/** Rows under headings, columns as wide as needed. */
export function formatTable(headings: readonly string[], rows: readonly string[][]): string {
  const all = [[...headings], ...rows];
  const widths = headings.map((_, column) =>
    Math.max(...all.map((row) => (row[column] ?? '').length)),
  );
  return all
    .map((row) =>
      row
        .map((cell, column) =>
          column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
