/** The runtime's own certificate: made on first start beyond loopback, then kept, so that pins go on to hold. */
import { generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import {
  bitString,
  boolean,
  integer,
  objectId,
  octetString,
  sequence,
  set,
  tagged,
  time,
  utf8,
} from './der';
import { writePrivate } from './home';

export interface TlsIdentity {
  /** PEM. */
  key: string;
  certificate: string;
  /** SHA-256 of the certificate, `AA:BB:…`. */
  fingerprint: string;
}

const DAY_MS = 24 * 60 * 60_000;
const VALID_MS = 3650 * DAY_MS;

/** Reads the certificate of `folder`, or makes one for these names and addresses. Throws as writePrivate does. */
export function ensureCertificate(folder: string, names: readonly string[]): TlsIdentity {
  const keyFile = join(folder, 'key.pem');
  const certificateFile = join(folder, 'certificate.pem');
  if (!existsSync(keyFile) || !existsSync(certificateFile)) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const made = makeCertificate(names, new Date());
    writePrivate(keyFile, made.key);
    writePrivate(certificateFile, made.certificate);
  }
  const certificate = readFileSync(certificateFile, 'utf8');
  const fingerprint = new X509Certificate(certificate).fingerprint256;
  return { key: readFileSync(keyFile, 'utf8'), certificate, fingerprint };
}

/** A self-signed P-256 certificate for a server, valid for ten years from a day before `now`. */
export function makeCertificate(
  names: readonly string[],
  now: Date,
): { key: string; certificate: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ecdsaWithSha256 = sequence(objectId('1.2.840.10045.4.3.2'));
  const name = sequence(set(sequence(objectId('2.5.4.3'), utf8('Velar runtime'))));
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ecdsaWithSha256,
    name,
    sequence(time(new Date(now.getTime() - DAY_MS)), time(new Date(now.getTime() + VALID_MS))),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(
      0xa3,
      sequence(
        extension('2.5.29.19', true, sequence()),
        extension('2.5.29.15', true, bitString(Buffer.from([0x80]), 7)),
        extension('2.5.29.37', false, sequence(objectId('1.3.6.1.5.5.7.3.1'))),
        extension('2.5.29.17', false, sequence(...names.map(alternativeName))),
      ),
    ),
  );
  const signature = sign('sha256', body, privateKey);
  const der = sequence(body, ecdsaWithSha256, bitString(signature));
  const lines = der
    .toString('base64')
    .replaceAll(/(.{64})/g, '$1\n')
    .trimEnd();
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificate: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  };
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(objectId(id), ...(critical ? [boolean(true)] : []), octetString(value));
}

/** dNSName [2] or iPAddress [7] of RFC 5280 section 4.2.1.6. */
function alternativeName(name: string): Buffer {
  const bare = name.replace(/^\[|\]$/g, '');
  const family = isIP(bare);
  if (family === 0) return tagged(0x82, Buffer.from(bare, 'ascii'));
  return tagged(0x87, family === 4 ? Buffer.from(bare.split('.').map(Number)) : v6Bytes(bare));
}

function v6Bytes(address: string): Buffer {
  // The URL parser writes an IPv6 address in its one normal form, with at most one '::'.
  const normal = new URL(`http://[${address.split('%', 1)[0] ?? ''}]`).hostname.slice(1, -1);
  const [head = '', tail] = normal.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const gap = Array<string>(8 - left.length - right.length).fill('0');
  const groups = [...left, ...gap, ...right].map((group) => Number.parseInt(group, 16));
  return Buffer.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}
