/** Device vaults over HTTP: a simulator of devices whose requests are signed. */
import { expect } from 'vitest';
import type { ReadDeviceLogResponse } from '../../contract/devices/wire.ts';
import { type DeviceKeys, generateDeviceKeys } from '../../core/devices/device-keys.ts';
import { type SignatureHeaders, type SignedTarget, signDeviceRequest } from '../../core/devices/request-signature.ts';
import type { VaultScope } from '../../core/devices/vault-scope.ts';
import type { RosterChange } from '../../core/devices/write-entry.ts';
import { toBase64, utf8Bytes } from '../../core/encoding/bytes.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { parseUserKey } from '../../core/users/user-key.ts';
import { accepted, memberOf, VaultSimulator } from '../core/devices/vault-simulator.ts';
import type { LocalStack } from '../shared/local-stack.ts';

export interface DeviceUser {
  readonly org: string;
  readonly user: string;
  readonly key: string;
}

export async function createUser(stack: LocalStack, by = stack.vault.adminKey): Promise<DeviceUser> {
  const answer = await stack.http('POST', '/v1/users', { key: by, body: {} });
  expect(answer.status).toBe(201);
  const { key } = await answer.json();
  const { org, user } = parseUserKey(key) ?? expect.fail('no user key');
  return { org, user, key };
}

/** What a test changes in a request before or after it is signed. */
export interface Alteration {
  /** Changes what is signed. */
  readonly target?: Partial<SignedTarget>;
  readonly scope?: VaultScope;
  readonly created?: number;
  readonly signedBody?: string;
  /** Changes the headers that are sent. */
  readonly headers?: (headers: SignatureHeaders) => Record<string, string>;
}

/** The headers that sign a request as it is sent now. */
export async function signatureHeaders(
  stack: LocalStack,
  keys: DeviceKeys,
  scope: VaultScope,
  method: string,
  path: string,
  body: string,
): Promise<Record<string, string>> {
  const { host, pathname, search } = new URL(path, stack.vault.url);
  const target = { method, authority: host, path: pathname, query: search.slice(1) };
  return { ...(await signDeviceRequest(keys, scope, target, utf8Bytes(body), Math.floor(Date.now() / 1000))) };
}

export async function sendSigned(
  stack: LocalStack,
  keys: DeviceKeys,
  scope: VaultScope,
  method: string,
  path: string,
  body?: object,
  altered: Alteration = {},
): Promise<Response> {
  const url = new URL(path, stack.vault.url);
  const text = body === undefined ? '' : JSON.stringify(body);
  const target = { method, authority: url.host, path: url.pathname, query: url.search.slice(1), ...altered.target };
  const signed = await signDeviceRequest(
    keys,
    altered.scope ?? scope,
    target,
    utf8Bytes(altered.signedBody ?? text),
    altered.created ?? Math.floor(Date.now() / 1000),
  );
  const headers = altered.headers?.(signed) ?? { ...signed };
  return await fetch(url, {
    method,
    headers: { ...headers, ...(text === '' ? {} : { 'content-type': 'application/json' }) },
    ...(text === '' ? {} : { body: text }),
  });
}

/** A vault at the service: the simulator drafts, HTTP stores. */
export class ServedVault {
  readonly stack: LocalStack;
  readonly user: DeviceUser;
  readonly scope: VaultScope;
  readonly simulator: VaultSimulator;

  constructor(stack: LocalStack, user: DeviceUser) {
    this.stack = stack;
    this.user = user;
    this.scope = { org: user.org, user: user.user, vault: randomId() };
    this.simulator = new VaultSimulator(this.scope);
  }

  get path(): string {
    return `/v1/device-vaults/${this.scope.vault}`;
  }

  /** The request that begins the vault. */
  genesisBody(): object {
    const [first] = this.simulator.log;
    const { signed, wraps } = first ?? expect.fail('not begun');
    return { vault: this.scope.vault, entry: toBase64(signed), wraps: toBase64(wraps ?? expect.fail('no wraps')) };
  }

  postGenesis(): Promise<Response> {
    return this.stack.http('POST', '/v1/device-vaults', { key: this.user.key, body: this.genesisBody() });
  }

  async begin(): Promise<DeviceKeys> {
    const device = await this.simulator.begin();
    const answer = await this.postGenesis();
    expect(answer.status, await answer.clone().text()).toBe(201);
    return device;
  }

  send(keys: DeviceKeys, method: string, rest: string, body?: object, altered?: Alteration): Promise<Response> {
    return sendSigned(this.stack, keys, this.scope, method, this.path + rest, body, altered);
  }

  /** The body that appends the last entry of the simulator. */
  lastBody(recoveryBox?: Uint8Array): { entry: string; wraps?: string; recoveryBox?: string } {
    const { signed, wraps } = this.simulator.log.at(-1) ?? expect.fail('no entry');
    return {
      entry: toBase64(signed),
      ...(wraps && { wraps: toBase64(wraps) }),
      ...(recoveryBox && { recoveryBox: toBase64(recoveryBox) }),
    };
  }

  /** Sends the last entry of the simulator. */
  pushLast(keys: DeviceKeys, recoveryBox?: Uint8Array): Promise<Response> {
    return this.send(keys, 'POST', '/log', this.lastBody(recoveryBox));
  }

  async roster(keys: DeviceKeys, change: RosterChange, box?: Uint8Array): Promise<void> {
    accepted(await this.simulator.writeRoster(keys, change));
    await expectOk(await this.pushLast(keys, box));
  }

  async add(by: DeviceKeys, role: 'admin' | 'data' = 'admin'): Promise<DeviceKeys> {
    const added = await generateDeviceKeys(false);
    await this.simulator.add(by, role, added);
    await expectOk(await this.pushLast(by));
    return added;
  }

  async put(keys: DeviceKeys, id: string, text: string): Promise<void> {
    await this.simulator.put(keys, id, text);
    await expectOk(await this.pushLast(keys));
  }

  async read(keys: DeviceKeys, query = ''): Promise<ReadDeviceLogResponse> {
    const answer = await this.send(keys, 'GET', `/log${query}`);
    await expectOk(answer);
    return await answer.json();
  }
}

export async function expectOk(answer: Response): Promise<void> {
  expect(answer.status, await answer.clone().text()).toBe(200);
}

export { generateDeviceKeys, memberOf };
