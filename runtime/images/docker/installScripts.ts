/** Shell scripts of the layers that install packages. Pure. */
import { shellWord } from './quoting';

/**
 * Installs with the pip of the Python that the worker will be started with. What the person set with
 * `.env(PIP_…)` wins over the defaults here. PIP_BREAK_SYSTEM_PACKAGES: in a container there is no system
 * to break, and Debian's own Python refuses without it. The raw progress bar came with pip 24.1.
 */
export function pipScript(args: readonly string[], folder: string | undefined): string {
  const defaults = [
    ['PIP_NO_CACHE_DIR', '1'],
    ['PIP_NO_INPUT', '1'],
    ['PIP_DISABLE_PIP_VERSION_CHECK', '1'],
    ['PIP_ROOT_USER_ACTION', 'ignore'],
    ['PIP_BREAK_SYSTEM_PACKAGES', '1'],
    ['PIP_PROGRESS_BAR', '$bar'],
  ].map(([name, value]) => `${name}="\${${name}-${value}}"`);
  return [
    'python=python3; command -v python3 >/dev/null 2>&1 || python=python',
    `new='import sys, pip; sys.exit(tuple(map(int, pip.__version__.split(".")[:2])) < (24, 1))'`,
    'bar=off; if "$python" -c "$new" 2>/dev/null; then bar=raw; fi',
    `export ${defaults.join(' ')} PYTHONUNBUFFERED=1`,
    ...(folder === undefined ? [] : [`cd ${shellWord(folder)} || exit`]),
    `exec "$python" -m pip install ${args.map(shellWord).join(' ')}`,
  ].join('\n');
}

export function aptScript(packages: readonly string[]): string {
  return [
    'export DEBIAN_FRONTEND=noninteractive',
    'apt-get update || exit',
    `apt-get install -y --no-install-recommends -- ${packages.map(shellWord).join(' ')} || exit`,
    'rm -rf /var/lib/apt/lists/*',
  ].join('\n');
}

/** A requirement that is a name with extras, versions and markers: it can't depend on a file of the image. */
export function isPlainPackage(requirement: string): boolean {
  const name = /^\s*[A-Za-z0-9][A-Za-z0-9._-]*\s*(\[[A-Za-z0-9._,\s-]*\])?/.exec(requirement)?.[0];
  if (name === undefined || /\.(whl|zip|tar|tgz|gz|bz2|xz|tbz|txz|tlz)$/i.test(name.trim())) {
    return false;
  }
  const rest = requirement.slice(name.length).trim();
  return rest === '' || /^(;|([<>=!~]=?|===)[^@/\\]*$)/.test(rest);
}

/** A Debian package by name, with an architecture or version at most; `./tool.deb` is none. */
export function isPlainAptPackage(name: string): boolean {
  return /^[a-z0-9][a-z0-9+.-]*(:[a-z0-9]+)?(=[A-Za-z0-9.+:~-]+)?$/.test(name);
}
