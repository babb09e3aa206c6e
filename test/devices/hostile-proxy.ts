/** Real clients of the real service, with a proxy at each device that plays a hostile service. */
import { expect } from 'vitest';
import type { ReadDeviceLogResponse } from '../../contract/devices/wire.ts';
import { type Entry, type EntryKind, signEntry } from '../../core/devices/chain-entry.ts';
import type { DeviceKeys } from '../../core/devices/device-keys.ts';
import { type Change, encodeChanges } from '../../core/devices/record-changes.ts';
import { draftEntry } from '../../core/devices/write-entry.ts';
import { type Bytes, fromBase64, toBase64 } from '../../core/encoding/bytes.ts';
import type { DeviceRole } from '../../sdk/src/device/device-types.ts';
import type { DeviceVault } from '../../sdk/src/device/device-vault.ts';
import { DeviceVaults } from '../../sdk/src/device/device-vaults.ts';
import { memoryStorage } from '../../sdk/src/device/storage/memory-storage.ts';
import { rejectionOf } from '../sdk/fake-fetch.ts';
import type { LocalStack } from '../shared/local-stack.ts';
import type { DeviceUser } from './signed-device-requests.ts';

/** A request on its way to the service. */
export interface Intercepted {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: string | undefined;
}

type Alter = (request: Intercepted, forward: () => Promise<Response>) => Promise<Response>;
type AlterLog = (page: ReadDeviceLogResponse) => unknown;

export const answer = (body: unknown, status = 200): Response =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });

export class AttackedDevice {
  readonly stack: LocalStack;
  readonly user: DeviceUser;
  readonly vaults: DeviceVaults;
  /** What stands between this device and the service. */
  alter: Alter | undefined;
  /** All requests of this device. */
  readonly seen: Intercepted[] = [];
  #vault: DeviceVault | undefined;

  constructor(stack: LocalStack, user: DeviceUser) {
    this.stack = stack;
    this.user = user;
    const fetch = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
      const url = new URL(String(input));
      const body = typeof init.body === 'string' ? init.body : undefined;
      const path = url.pathname + url.search;
      const request = { method: init.method ?? 'GET', path, headers: new Headers(init.headers), body };
      this.seen.push(request);
      const forward = () => globalThis.fetch(url, init);
      return this.alter === undefined ? await forward() : await this.alter(request, forward);
    };
    const settings = { baseURL: stack.vault.url, fetch, maxRetries: 0, storage: memoryStorage() };
    this.vaults = new DeviceVaults({ apiKey: user.key, ...settings });
  }

  get vault(): DeviceVault {
    return this.#vault ?? expect.fail('no vault is open');
  }

  set vault(vault: DeviceVault) {
    this.#vault = vault;
  }

  get keys(): DeviceKeys {
    return this.vault.engine.keys;
  }

  /** Alters what this device reads of the log. */
  serveLog(alter: AlterLog): void {
    this.alter = async ({ method, path }, forward) => {
      const response = await forward();
      if (method !== 'GET' || !path.includes('/log') || !response.ok) return response;
      return answer(await alter(await response.json()));
    };
  }

  /** An entry of this device that follows what it has. Nobody checks its content: a member can write it. */
  entry(kind: EntryKind, body: Bytes, changed: Partial<Entry> = {}): Promise<Bytes> {
    const draft = draftEntry(this.vault.engine.view.state, this.keys.id, kind, body, new Date().toISOString());
    return signEntry({ ...draft, ...changed }, this.keys.ecdsa.privateKey);
  }

  /** Sends an entry as a faulty or hostile member does: without its own checks. */
  async push(kind: EntryKind, body: Bytes): Promise<void> {
    await this.vault.sync();
    const { requests, view } = this.vault.engine;
    const entry = toBase64(await this.entry(kind, body));
    await requests.append({ entry }, view.state.head.seq + 1, { ...quietSettings });
    await this.vault.sync();
  }

  pushChanges(...changes: readonly Change[]): Promise<void> {
    return this.push('records', encodeChanges(changes));
  }

  /** The process ends, and another one opens what is stored. */
  async reopen(): Promise<void> {
    const { vault } = this.vault.scope;
    await this.vault.close();
    this.vault = await this.vaults.open(vault);
  }

  /** The device refuses, and what it stored is as before: in memory, and after it is opened again. */
  async refuses(work: () => Promise<unknown>, expected: object): Promise<void> {
    const before = [this.vault.headCode(), await this.vault.exportJson().then(withoutTime)];
    expect(await rejectionOf(work())).toMatchObject(expected);
    const now = async () => [this.vault.headCode(), await this.vault.exportJson().then(withoutTime)];
    expect(await now()).toEqual(before);
    await this.reopen();
    expect(await now()).toEqual(before);
  }

  /** The device stops at an altered log, and goes on at an honest one. */
  async stopsAt(alter: AlterLog, expected: object): Promise<void> {
    this.serveLog(alter);
    await this.refuses(() => this.vault.sync(), expected);
    this.alter = undefined;
    await this.vault.sync();
  }
}

const quietSettings = { signal: undefined, timeout: 30_000, maxRetries: 0, callerHeaders: {}, outcomeHint: '' };
const withoutTime = (text: string): unknown => ({ ...JSON.parse(text), createdAt: '' });

/** The same page with one entry changed. @param index from the end if negative */
export function withEntry(
  page: ReadDeviceLogResponse,
  index: number,
  change: (signed: Bytes) => Bytes,
): ReadDeviceLogResponse {
  const at = index < 0 ? page.entries.length + index : index;
  const entries = page.entries.map((one, place) =>
    place === at ? { ...one, entry: toBase64(change(bytesOf(one.entry))) } : one,
  );
  return { ...page, entries };
}

/** The page with one more entry at its end. */
export const withOneMore = (page: ReadDeviceLogResponse, signed: Bytes): ReadDeviceLogResponse => ({
  ...page,
  entries: [...page.entries, { entry: toBase64(signed) }],
  head: page.head + 1,
});

export const bytesOf = (text: string | undefined): Bytes => fromBase64(text ?? '') ?? expect.fail('no base64');

/** A first device with a new vault. */
export async function firstDevice(stack: LocalStack, user: DeviceUser): Promise<AttackedDevice> {
  const device = new AttackedDevice(stack, user);
  device.vault = await device.vaults.create({ label: 'first' });
  return device;
}

/** How the two sides of a pairing ended, and the codes that they showed. */
export interface PairingOutcome {
  readonly joined: string;
  readonly approved: string;
  readonly codes: readonly string[];
}

const outcomeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => String(Reflect.get(Object(error), 'code') ?? error),
  );

/** Persons who compare the codes, and say yes only if they are equal. */
function comparingPersons(): {
  readonly codes: string[];
  readonly confirm: (shown: { code: string }) => Promise<boolean>;
} {
  const codes: string[] = [];
  const both = Promise.withResolvers<boolean>();
  const confirm = async ({ code }: { code: string }) => {
    codes.push(code);
    if (codes.length === 2) both.resolve(codes[0] === codes[1]);
    return await both.promise;
  };
  return { codes, confirm };
}

/** Pairs by code over whatever the proxies do. @param vault the vault that the new device asks for */
export async function pairByCode(
  admin: AttackedDevice,
  device: AttackedDevice,
  options: { readonly role?: DeviceRole; readonly vault?: string; readonly person?: () => Promise<boolean> } = {},
): Promise<PairingOutcome> {
  const { codes, confirm: compare } = comparingPersons();
  const confirm = async (shown: { code: string }) => {
    if (options.person === undefined) return await compare(shown);
    codes.push(shown.code);
    return await options.person();
  };
  const vault = options.vault ?? admin.vault.scope.vault;
  const waiting = Promise.withResolvers<string>();
  const ended = new AbortController();
  const join = device.vaults
    .join({ vault, confirm, signal: ended.signal, onWaiting: ({ pairing }) => waiting.resolve(pairing) })
    .then((joined) => {
      device.vault = joined;
    });
  const joined = outcomeOf(join);
  const approved = await outcomeOf(admin.vault.approve(await waiting.promise, { confirm, role: options.role }));
  // A new device whose approval failed would ask for ten minutes.
  if (approved !== 'done') setTimeout(() => ended.abort(), 3_000);
  return { joined: await joined, approved, codes };
}

/** Adds a device as honest people do. */
export async function anotherDevice(admin: AttackedDevice, role: DeviceRole = 'admin'): Promise<AttackedDevice> {
  const device = new AttackedDevice(admin.stack, admin.user);
  expect(await pairByCode(admin, device, { role })).toMatchObject({ joined: 'done', approved: 'done' });
  return device;
}
