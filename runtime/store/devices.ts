/** Paired devices. Of a token only its SHA-256 is kept. */
import type { Database, Row } from './database';

export interface Device {
  id: string;
  name: string;
  tokenSha256: string;
  /** ms since the epoch. */
  pairedAt: number;
  lastSeenAt: number | null;
}

export class DeviceStore {
  private readonly devices: Map<string, Device>;

  constructor(private readonly database: Database) {
    this.devices = new Map(
      database.all('SELECT * FROM devices').map((row) => {
        const device = deviceOf(row);
        return [device.id, device];
      }),
    );
  }

  list(): Device[] {
    return [...this.devices.values()];
  }

  /** On disk before it returns: a token that was handed out must survive. Throws `disk-full`. */
  add(device: Device): void {
    this.database.run(
      'INSERT INTO devices (id, name, token_sha256, paired_at, last_seen_at) VALUES (?, ?, ?, ?, ?)',
      [device.id, device.name, device.tokenSha256, device.pairedAt, device.lastSeenAt],
    );
    this.devices.set(device.id, device);
  }

  /** On disk before it returns. False when there is no such device. Throws `disk-full`. */
  remove(id: string): boolean {
    if (!this.devices.has(id)) return false;
    this.database.run('DELETE FROM devices WHERE id = ?', [id]);
    return this.devices.delete(id);
  }

  seen(id: string, at: number): void {
    const device = this.devices.get(id);
    if (device === undefined) return;
    this.devices.set(id, { ...device, lastSeenAt: at });
    this.database.enqueue('UPDATE devices SET last_seen_at = ? WHERE id = ?', [at, id]);
  }
}

function deviceOf(row: Row): Device {
  return {
    id: String(row['id']),
    name: String(row['name']),
    tokenSha256: String(row['token_sha256']),
    pairedAt: Number(row['paired_at']),
    lastSeenAt: row['last_seen_at'] === null ? null : Number(row['last_seen_at']),
  };
}
