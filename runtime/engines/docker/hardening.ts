/** What no container of ours may do. */
import type { HostConfig } from 'dockerode';

export const HARDENED = {
  CapDrop: ['ALL'],
  SecurityOpt: ['no-new-privileges'],
  ReadonlyRootfs: true,
  Privileged: false,
} satisfies HostConfig;
