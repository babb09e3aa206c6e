/** The worked examples of docs/format-devices.md, read from the page itself. */
import { expect } from 'vitest';
import { parseSignedEntry } from '../../../core/devices/chain-entry.ts';
import { type DeviceKeys, toDeviceKeys } from '../../../core/devices/device-keys.ts';
import { deriveEpochKey, type EpochKey } from '../../../core/devices/epoch-keys.ts';
import { encodeFieldBytes } from '../../../core/encoding/bytes.ts';
import { importKeyPair } from '../../../core/hazmat/p256.ts';
import { readExamplePage } from '../example-page.ts';

export const { text, hex, unread: unreadExamples } = readExamplePage('format-devices.md');
export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export const scope = { org: text('org'), user: text('user'), vault: text('vault') };
export const deviceNames = ['A', 'B', 'C', 'R', 'S', 'T'];

export async function loadDevices(): Promise<ReadonlyMap<string, DeviceKeys>> {
  const devices = new Map<string, DeviceKeys>();
  for (const name of deviceNames) {
    const ecdh = await importKeyPair('ECDH', hex(`${name} ECDH key`), hex(`${name} ECDH scalar`));
    const ecdsa = await importKeyPair('ECDSA', hex(`${name} ECDSA key`), hex(`${name} ECDSA scalar`));
    devices.set(name, await toDeviceKeys(ecdh, ecdsa));
  }
  return devices;
}

export const epochKey = (epoch: number): Promise<EpochKey> => deriveEpochKey(scope, epoch, hex(`UMK ${epoch}`));

export const signedEntry = (seq: number, signature = seq) =>
  encodeFieldBytes(hex(`entry ${seq}`), hex(`signature ${signature}`));

export const entryAt = (seq: number) => {
  const signed = signedEntry(seq);
  const entry = parseSignedEntry(signed);
  return typeof entry === 'string' ? expect.fail(entry) : { ...entry, signed };
};
