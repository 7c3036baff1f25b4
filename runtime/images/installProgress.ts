/** Reads progress out of what pip and uv print. Pure. */
import { formatClock } from '../protocol/figures';
import { sizes, Transfer } from './transfer';

/** From so long on, a line says how long what it names has taken; in ms. */
const LONG_MS = 2000;

/** Keeps what is going on between lines; one for each install command. Times are monotonic, in ms. */
export class InstallProgressReader {
  /** What is going on, such as `collecting torch`. */
  private doing: string | undefined;
  private sinceMs = 0;
  /** The file that is being downloaded, such as `torch-2.4.0`. */
  private file: string | undefined;
  private download: { transfer: Transfer; bytes: number; total: number } | undefined;
  /** Packages that pip has begun to look at. */
  private readonly packages = new Set<string>();

  /** Progress told by one line of output, or undefined where the line tells none. `atMs`: when it came. */
  line(text: string, atMs: number): string | undefined {
    const line = stripColours(text).trim();
    const raw = /^Progress (\d+) of (\d+)$/.exec(line);
    if (raw !== null && this.file !== undefined) {
      this.download ??= { transfer: new Transfer(this.sinceMs), bytes: 0, total: 0 };
      this.download.bytes = Number(raw[1]);
      this.download.total = Number(raw[2]);
      this.download.transfer.note(this.download.bytes, atMs);
      return this.now(atMs);
    }
    const over = /^Installed (\d+) packages?/.exec(line)?.[1];
    const doing = this.pip(line) ?? uv(line);
    if (doing === undefined && over === undefined && !/^Successfully installed /.test(line)) {
      return undefined;
    }
    if (doing !== this.doing) this.sinceMs = atMs;
    this.doing = doing;
    this.download = undefined;
    return over === undefined ? this.now(atMs) : `installed ${over} packages`;
  }

  /** What is going on at that time, also where nothing was printed for long. */
  now(atMs: number): string | undefined {
    if (this.doing === undefined) return undefined;
    if (this.download !== undefined && this.file !== undefined) {
      const { transfer, bytes, total } = this.download;
      // A server need not tell the size.
      const size = total === 0 ? sizes(bytes, bytes) : sizes(bytes, total);
      const parts = [`downloading ${this.file} (${size})`];
      if (total === 0 || bytes < total) parts.push(...transfer.speed(total - bytes, atMs));
      return parts.join(' · ');
    }
    const parts = [this.doing];
    // How many there will be is known to nobody before all are collected.
    if (this.packages.size > 1) parts.push(`${this.packages.size} packages so far`);
    const ms = atMs - this.sinceMs;
    if (ms >= LONG_MS) parts.push(formatClock(ms));
    return parts.join(' · ');
  }

  private pip(line: string): string | undefined {
    const downloading = /^Downloading (\S+)(?: \(([\d.]+) ?(\w?B)\))?/.exec(line);
    if (downloading?.[1] !== undefined && (downloading[2] !== undefined || line.includes('.whl'))) {
      this.file = fileStem(downloading[1]);
      const size =
        downloading[2] === undefined ? '' : ` (${downloading[2]} ${downloading[3] ?? 'B'})`;
      return `downloading ${this.file}${size}`;
    }
    const collecting = /^Collecting ([^\s=<>!~;[(]+)/.exec(line)?.[1];
    if (collecting !== undefined) {
      this.packages.add(collecting.toLowerCase());
      return `collecting ${collecting}`;
    }
    const cached = /^Using cached (\S+)/.exec(line);
    if (cached?.[1] !== undefined) return `using cached ${fileStem(cached[1])}`;
    const processing = /^Processing (\S+)/.exec(line);
    if (processing?.[1] !== undefined) return `reading ${fileStem(processing[1])}`;
    const building = /^Building wheel for (\S+)/.exec(line);
    if (building?.[1] !== undefined) return `building ${building[1]}`;
    const installing = /^Installing collected packages: (.+)$/.exec(line)?.[1];
    if (installing !== undefined) {
      const names = installing.split(', ');
      this.packages.clear();
      return `installing ${names.length === 1 ? names[0] : `${names.length} packages`}`;
    }
    return undefined;
  }
}

function uv(line: string): string | undefined {
  const resolved = /^Resolved (\d+) packages?/.exec(line)?.[1];
  if (resolved !== undefined) return `resolved ${resolved} packages, preparing them`;
  const prepared = /^Prepared (\d+) packages?/.exec(line)?.[1];
  if (prepared !== undefined) return `prepared ${prepared} packages, installing them`;
  const building = /^Building (\S+)/.exec(line)?.[1];
  return building === undefined ? undefined : `building ${building}`;
}

/** `torch-2.4.0` of `https://host/torch-2.4.0-cp311-cp311-manylinux1_x86_64.whl.metadata`. */
function fileStem(path: string): string {
  const name = (path.split(/[\\/]/).at(-1) ?? path).replace(/\.metadata$/, '');
  if (name.endsWith('.whl')) return name.split('-').slice(0, 2).join('-');
  return name.replace(/\.(tar\.gz|zip|tar\.bz2)$/, '');
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
