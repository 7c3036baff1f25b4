/** Places in source files that a log line names. Pure. */

export interface FileLink {
  /** Offsets into the line's plain text. */
  start: number;
  end: number;
  file: string;
  line: number;
}

// `File "pkg/app.py", line 3` of a traceback, and `pkg/app.py:3` of warnings and test tools.
const places =
  /File "(?<quoted>[^"<>\n]{1,1000})", line (?<quotedLine>\d{1,7})|(?<![\w/\\.-])(?<bare>(?:[A-Za-z]:)?[\w./\\-]{1,500}\.pyi?):(?<bareLine>\d{1,7})(?!\d)/g;

/** Every place named in the text, in order. Python's own inner files, such as `<string>`, are none. */
export function findFileLinks(text: string): FileLink[] {
  if (!text.includes('.py') && !text.includes('File "')) return [];
  const links: FileLink[] = [];
  for (const match of text.matchAll(places)) {
    const file = match.groups?.quoted ?? match.groups?.bare ?? '';
    const line = Number(match.groups?.quotedLine ?? match.groups?.bareLine);
    if (file === '' || line < 1) continue;
    links.push({ start: match.index, end: match.index + match[0].length, file, line });
  }
  return links;
}
