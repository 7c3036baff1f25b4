/** What never leaves the machine, whatever the ignore files say. */

const secretNames = new Set([
  '.netrc',
  '_netrc',
  '.pgpass',
  '.pypirc',
  '.npmrc',
  '.yarnrc.yml',
  '.git-credentials',
  '.htpasswd',
  '.dockercfg',
  '.s3cfg',
  '.boto',
  'kubeconfig',
]);

const secretFolders = new Set(['.ssh', '.aws', '.gnupg', '.kube', '.azure', '.docker', '.gcloud']);

const secretEndings = [
  '.pem',
  '.key',
  '.p12',
  '.pfx',
  '.p8',
  '.jks',
  '.keystore',
  '.kdbx',
  '.ppk',
  '.asc',
  '.gpg',
];

const secretPattern =
  /^(\.env.*|id_(rsa|dsa|ecdsa|ed25519)(_sk)?(\..*)?|credentials(\.(?!py$)[^.]+)?|.*service[-_]?account.*\.json|client_secret.*\.json)$/;

/** Why a VELAR_HOME is not sent. */
export const OWN_STATE = "never sent: Velar's own state";

const toolFolders = new Map([
  ['.git', 'version control'],
  ['.hg', 'version control'],
  ['.svn', 'version control'],
  ['__pycache__', 'compiled Python'],
  ['node_modules', 'packages of Node'],
  ['.vscode', 'editor settings'],
  ['.idea', 'editor settings'],
  ['.ipynb_checkpoints', 'notebook checkpoints'],
  ['.velar', "Velar's own state"],
  ['.tox', 'virtual environments'],
  ['.nox', 'virtual environments'],
  ['.mypy_cache', 'a cache'],
  ['.pytest_cache', 'a cache'],
  ['.ruff_cache', 'a cache'],
  ['.hypothesis', 'a cache'],
]);

/** Why a file is never sent, or undefined. `name` is its last path part. */
export function neverSentFile(name: string): string | undefined {
  const lower = name.toLowerCase();
  if (isSecretName(lower)) return 'never sent: secret';
  if (lower.endsWith('.pyc') || lower.endsWith('.pyo')) return 'never sent: compiled Python';
  // In a linked work tree or a submodule `.git` is a file.
  if (lower === '.git') return 'never sent: version control';
  return lower === '.ds_store' ? 'never sent: desktop state' : undefined;
}

/** Why nothing in a folder is ever sent, or undefined. `holds` says whether it holds an entry of that name. */
export function neverSentFolder(
  name: string,
  holds: (entry: string) => boolean,
): string | undefined {
  const lower = name.toLowerCase();
  const tool = toolFolders.get(lower);
  if (tool !== undefined) return `never sent: ${tool}`;
  if (secretFolders.has(lower)) return 'never sent: secret';
  if (holds('pyvenv.cfg') || holds('conda-meta')) return 'never sent: virtual environment';
  return isVelarHome(holds) ? OWN_STATE : undefined;
}

/** A VELAR_HOME that some runtime has used, told by its store. */
function isVelarHome(holds: (entry: string) => boolean): boolean {
  return holds('velar.db') && holds('blobs');
}

function isSecretName(lower: string): boolean {
  return (
    secretNames.has(lower) ||
    secretPattern.test(lower) ||
    secretEndings.some((ending) => lower.endsWith(ending))
  );
}
