/** Reads progress out of what pip and uv print. Pure. */

export interface InstallProgress {
  /** One line for the phase's detail, such as `downloading torch-2.4.0 (312 of 797 MB)`. */
  detail: string;
}

const MEGABYTE = 1_000_000;

/** Keeps what is being downloaded between lines; one for each install command. */
export class InstallProgressReader {
  private downloading: string | undefined;

  /** Progress told by one line of output, or undefined where the line tells none. */
  line(text: string): InstallProgress | undefined {
    const line = stripColours(text).trim();
    return this.pip(line) ?? uv(line);
  }

  private pip(line: string): InstallProgress | undefined {
    const raw = /^Progress (\d+) of (\d+)$/.exec(line);
    if (raw !== null && this.downloading !== undefined) {
      const [, done, total] = raw;
      return {
        detail: `downloading ${this.downloading} (${megabytes(done)} of ${megabytes(total)} MB)`,
      };
    }
    const downloading = /^Downloading (\S+)(?: \(([\d.]+) ?(\w?B)\))?/.exec(line);
    if (downloading?.[1] !== undefined && (downloading[2] !== undefined || line.includes('.whl'))) {
      const name = fileStem(downloading[1]);
      this.downloading = name;
      const size =
        downloading[2] === undefined ? '' : ` (${downloading[2]} ${downloading[3] ?? 'B'})`;
      return { detail: `downloading ${name}${size}` };
    }
    const collecting = /^Collecting ([^\s=<>!~;[(]+)/.exec(line);
    if (collecting?.[1] !== undefined) return { detail: `collecting ${collecting[1]}` };
    const cached = /^Using cached (\S+)/.exec(line);
    if (cached?.[1] !== undefined) return { detail: `using cached ${fileStem(cached[1])}` };
    const processing = /^Processing (\S+)/.exec(line);
    if (processing?.[1] !== undefined) return { detail: `reading ${fileStem(processing[1])}` };
    const building = /^Building wheel for (\S+)/.exec(line);
    if (building?.[1] !== undefined) return { detail: `building ${building[1]}` };
    const installing = /^Installing collected packages: (.+)$/.exec(line);
    if (installing?.[1] !== undefined) {
      const names = installing[1].split(', ');
      return { detail: `installing ${names.length === 1 ? names[0] : `${names.length} packages`}` };
    }
    return undefined;
  }
}

function uv(line: string): InstallProgress | undefined {
  const counted = /^(Resolved|Prepared|Installed) (\d+) packages?/.exec(line);
  if (counted?.[1] !== undefined)
    return { detail: `${counted[1].toLowerCase()} ${counted[2]} packages` };
  const building = /^Building (\S+)/.exec(line);
  if (building?.[1] !== undefined) return { detail: `building ${building[1]}` };
  return undefined;
}

/** `torch-2.4.0` of `https://host/torch-2.4.0-cp311-cp311-manylinux1_x86_64.whl.metadata`. */
function fileStem(path: string): string {
  const name = (path.split(/[\\/]/).at(-1) ?? path).replace(/\.metadata$/, '');
  if (name.endsWith('.whl')) return name.split('-').slice(0, 2).join('-');
  return name.replace(/\.(tar\.gz|zip|tar\.bz2)$/, '');
}

function megabytes(bytes: string | undefined): string {
  return (Number(bytes) / MEGABYTE).toFixed(0);
}

function stripColours(text: string): string {
  // eslint-disable-next-line no-control-regex -- the escape character is what starts a colour code
  return text.replace(/\u001b\[[0-9;]*m/g, '');
}

/** Why an install failed, from its output: the installer's own error line, without its label. */
export function installFailure(output: string): string {
  const lines = stripColours(output)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const errors = lines.filter((line) => /^(ERROR:|error:|×|╰─▶)/.test(line));
  const best = errors.find((line) =>
    /No matching distribution|Could not find|No solution/.test(line),
  );
  const line = best ?? errors.at(-1) ?? lines.at(-1) ?? 'the installer printed nothing';
  return line.replace(/^(ERROR:|error:|×|╰─▶)\s*/, '');
}
