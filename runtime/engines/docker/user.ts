/** The user that containers run as. */
export interface ContainerUser {
  uid: number;
  gid: number;
}

/** User and group of containers of a runtime that itself runs as root. */
const NOBODY: ContainerUser = { uid: 65534, gid: 65534 };

/** The runtime's own user, so that files of volumes are its own; for root, nobody. */
export function containerUser(): ContainerUser {
  const uid = process.getuid?.() ?? 0;
  return uid === 0 ? NOBODY : { uid, gid: process.getgid?.() ?? uid };
}
