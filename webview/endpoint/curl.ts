/** The call as a line for a terminal. Pure. */

/** The key is read from a variable: a key in a line stays in the shell's history. */
export function curlLine(url: string, body: string, streams: boolean): string {
  return [
    `curl ${streams ? '-N ' : ''}${quoted(url)}`,
    `-H "Authorization: Bearer $VELAR_KEY"`,
    `-H 'Content-Type: application/json'`,
    `-d ${quoted(body)}`,
  ].join(' \\\n  ');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
