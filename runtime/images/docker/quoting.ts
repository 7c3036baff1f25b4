/**
 * Values as Dockerfile instructions, so that nothing in a value can end its instruction or be expanded. Pure.
 * The rules are those of the classic builder: https://docs.docker.com/reference/dockerfile/.
 */

/** The builder refuses longer lines; counted in bytes. */
export const MAX_INSTRUCTION_BYTES = 65_535;

/** True for values that an ENV instruction can't hold: an instruction is one line. */
export function needsShell(value: string): boolean {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return /[\u0000-\u001f\u007f]/.test(value);
}

/** `ENV NAME="value" …`. Names and values must not need the shell. */
export function envInstruction(variables: Readonly<Record<string, string>>): string {
  return `ENV ${pairs(variables)}`;
}

/** `LABEL name="value" …`: one instruction, because each is a step of its own. */
export function labelInstruction(labels: Readonly<Record<string, string>>): string {
  return `LABEL ${pairs(labels)}`;
}

/** True for names that an ENV instruction takes; the shell takes fewer. */
export function isVariableName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
}

/** `COPY` of a folder's content. `source` is a name of ours; `target` any path on one line. */
export function copyInstruction(source: string, target: string): string {
  // The JSON form keeps spaces; what comes out of it is still expanded as a word.
  return `COPY ${jsonForm([source, bareWord(target)])}`;
}

export function workdirInstruction(path: string): string {
  return `WORKDIR ${quoted(path)}`;
}

export function userInstruction(user: string): string {
  return `USER ${quoted(user)}`;
}

/** `RUN` of a shell script of any number of lines. */
export function runInstruction(script: string): string {
  return `RUN ${jsonForm(['/bin/sh', '-c', script])}`;
}

/** One word for /bin/sh. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function pairs(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${quoted(value)}`)
    .join(' ');
}

function quoted(value: string): string {
  return `"${value.replace(/[\\"$]/g, '\\$&')}"`;
}

function bareWord(value: string): string {
  return value.replace(/[\\"'$]/g, '\\$&');
}

/** JSON on one line in ASCII, without the sign that begins a heredoc. */
function jsonForm(words: readonly string[]): string {
  return JSON.stringify(words).replace(
    /[<\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
