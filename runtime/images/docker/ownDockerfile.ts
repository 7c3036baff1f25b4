/** Reads a Dockerfile of the workspace: its instructions with their lines, and the images that it builds on. Pure. */

export interface Instruction {
  /** Line of the file, from 1. */
  line: number;
  /** The instruction on one line. */
  text: string;
}

export interface OwnDockerfile {
  /** In the order in which the builder counts them as steps. */
  instructions: readonly Instruction[];
  /** Images of registries in FROM and `COPY --from`, each once; those of unknown variables are left out. */
  images: readonly string[];
}

export function readDockerfile(text: string): OwnDockerfile {
  const instructions = readInstructions(text);
  const stages = new Set<string>();
  const images = new Set<string>();
  const variables = new Map<string, string>();
  let count = 0;
  for (const { text: instruction } of instructions) {
    const [name = '', ...words] = instruction.split(/\s+/);
    switch (name.toUpperCase()) {
      case 'ARG':
        // Only those before the first FROM may be used in it.
        if (count === 0) for (const word of words) setVariable(word, variables);
        break;
      case 'FROM': {
        const [image = '', as, stage] = words.filter((word) => !word.startsWith('--'));
        add(image);
        if (as?.toUpperCase() === 'AS' && stage !== undefined) stages.add(stage.toLowerCase());
        count += 1;
        break;
      }
      case 'COPY': {
        const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length);
        if (from !== undefined && !/^\d+$/.test(from)) add(from);
        break;
      }
    }
  }
  return { instructions, images: [...images] };

  function add(written: string): void {
    const image = substitute(unquote(written), variables);
    if (image === undefined || image === '' || image === 'scratch') return;
    if (!stages.has(image.toLowerCase())) images.add(image);
  }
}

function readInstructions(text: string): Instruction[] {
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/);
  const escape = escapeCharacter(lines);
  const instructions: Instruction[] = [];
  let open: Instruction | undefined;
  for (const [index, raw] of lines.entries()) {
    const line = raw.trim();
    // Comments and empty lines do not end an instruction that goes on.
    if (line === '' || line.startsWith('#')) continue;
    const goesOn = line.endsWith(escape);
    const part = goesOn ? line.slice(0, -1).trim() : line;
    open =
      open === undefined
        ? { line: index + 1, text: part }
        : { ...open, text: `${open.text} ${part}` };
    if (goesOn) continue;
    instructions.push(open);
    open = undefined;
  }
  return open === undefined ? instructions : [...instructions, open];
}

/** `# escape=\`` at the very top changes what continues a line. */
function escapeCharacter(lines: readonly string[]): string {
  for (const line of lines) {
    const directive = /^\s*#\s*([a-z]+)\s*=\s*(\S+)/i.exec(line);
    if (directive === null) break;
    if (directive[1]?.toLowerCase() === 'escape') return directive[2] ?? '\\';
  }
  return '\\';
}

function setVariable(word: string, variables: Map<string, string>): void {
  const [name = '', ...value] = word.split('=');
  if (value.length > 0) variables.set(name, unquote(value.join('=')));
}

/** undefined where a variable has no value. */
function substitute(text: string, variables: ReadonlyMap<string, string>): string | undefined {
  let known = true;
  const result = text.replace(
    /\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))/g,
    (_whole, braced: string | undefined, otherwise: string | undefined, plain: string) => {
      const value = variables.get(braced ?? plain) ?? otherwise;
      known &&= value !== undefined;
      return value ?? '';
    },
  );
  return known ? result : undefined;
}

function unquote(text: string): string {
  return text.replace(/^(["'])(.*)\1$/, '$2');
}
