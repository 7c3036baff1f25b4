import * as assert from 'node:assert/strict';
import { parsePairingAddress, parsePairingCode } from '../../src/client/pairing';

describe('a pairing address', () => {
  it('is plain on this machine and encrypted to any other', () => {
    assert.equal(parsePairingAddress('127.0.0.1:7070').url, 'ws://127.0.0.1:7070');
    assert.equal(parsePairingAddress('localhost:7070').url, 'ws://localhost:7070');
    assert.equal(parsePairingAddress('[::1]:7070').url, 'ws://[::1]:7070');
    assert.equal(parsePairingAddress('gpu-box:7070').url, 'wss://gpu-box:7070');
    assert.equal(parsePairingAddress('https://10.0.0.4:443').url, 'wss://10.0.0.4:443');
  });

  it('may carry code and fingerprint', () => {
    assert.deepEqual(parsePairingAddress('velar://box:7070?code=7k3m-9qxz&fingerprint=AA:bb:01'), {
      url: 'wss://box:7070',
      code: '7K3M9QXZ',
      fingerprint: 'aabb01',
    });
  });

  it('that is wrong says what is wrong with it', () => {
    assert.throws(() => parsePairingAddress('gpu-box'), /names no port/);
    assert.throws(() => parsePairingAddress(''), /names no/);
    assert.throws(() => parsePairingAddress('ftp://box:21'), /ftp/);
    assert.throws(() => parsePairingAddress('ws://box:7070'), /TLS/);
  });
});

describe('a pairing code', () => {
  it('is read as meant', () => {
    assert.equal(parsePairingCode(' o1il-abcd '), '0111ABCD');
  });

  it('of another length or alphabet is refused before it is sent', () => {
    for (const text of ['', '1234567', '123456789', '1234567U']) {
      assert.throws(() => parsePairingCode(text), /no pairing code/);
    }
  });
});
