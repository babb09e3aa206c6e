/** The worked examples of docs/format-devices.md, read from the page itself. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { parseSignedEntry } from '../../../core/devices/chain-entry.ts';
import { type DeviceKeys, toDeviceKeys } from '../../../core/devices/device-keys.ts';
import { deriveEpochKey, type EpochKey } from '../../../core/devices/epoch-keys.ts';
import { encodeFieldBytes } from '../../../core/encoding/bytes.ts';
import { importKeyPair } from '../../../core/hazmat/p256.ts';

interface Example {
  readonly section: number;
  readonly value: string;
}

const page = readFileSync(new URL('../../../docs/format-devices.md', import.meta.url), 'utf8');
const sections = page.split(/^## (?=\d+\. )/m).slice(1);
const rows = new Map(
  sections.flatMap((text) =>
    [...text.matchAll(/```example\n([\s\S]*?)```/g)].flatMap(([, block = '']) =>
      block
        .trimEnd()
        .split('\n')
        .map((line): [string, Example] => [
          line.slice(0, line.indexOf(' = ')).trim(),
          { section: Number.parseInt(text, 10), value: line.slice(line.indexOf(' = ') + 3) },
        ]),
    ),
  ),
);

/** Keys that a test has read. An example that no test reads proves nothing. */
const used = new Set<string>();

/** Examples of these sections that no test of this file has read. */
export const unreadExamples = (isSection: (section: number) => boolean): string[] =>
  [...rows].flatMap(([key, { section }]) => (isSection(section) && !used.has(key) ? [key] : []));

export const text = (key: string): string => {
  used.add(key);
  return rows.get(key)?.value ?? expect.fail(`no example has ${key}`);
};
export const hex = (key: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text(key), 'hex'));
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
