/** An org with items of every kind in the tables. Two such orgs differ in all content. */

import { expect } from 'vitest';
import type { DeviceKeys } from '../../../core/devices/device-keys.ts';
import { recoveryBoxHash } from '../../../core/devices/recovery-code.ts';
import type { VaultScope } from '../../../core/devices/vault-scope.ts';
import { randomId } from '../../../core/encoding/random-id.ts';
import {
  type BegunUpload,
  beginUpload,
  completeUpload,
  formOf,
  linkProof,
  postForm,
} from '../../blobs/blob-requests.ts';
import { generateDeviceKeys, memberOf, ServedVault } from '../../devices/signed-device-requests.ts';
import type { LocalStack } from '../../shared/local-stack.ts';

const farAway = '2099-01-01T00:00:00.000Z';

export interface TestKey {
  readonly id: string;
  readonly key: string;
}
export interface TestBlob {
  readonly id: string;
  readonly link: string;
  /** Link that was current before the link was replaced. */
  readonly oldLink?: string;
  readonly openProof: string;
}
export interface TestAccount {
  readonly user: string;
  readonly key: string;
  /** The user key before it was replaced, and the session before the log-out. */
  readonly oldKey?: string;
  readonly oldSession?: string;
  readonly session?: string;
  readonly login: string;
}
/** A device vault with a member, a device that was removed, a recovery box and a pairing. */
export interface TestDeviceVault {
  readonly scope: VaultScope;
  readonly member: DeviceKeys;
  readonly removed: DeviceKeys;
  readonly pairing: string;
}

export interface OrgWorld {
  readonly org: string;
  readonly adminKey: string;
  /** An admin key that no test changes. */
  readonly watcher: string;
  readonly agentKey: string;
  readonly keys: Readonly<Record<string, TestKey>>;
  readonly blobs: Readonly<Record<string, TestBlob>>;
  /** Nobody changes the items of `taker`, who tries to take the login name of `user`. */
  readonly accounts: Readonly<Record<string, TestAccount>>;
  readonly deviceVaults: readonly TestDeviceVault[];
  /** Everything that was ever stored as plaintext, by value name or memory ID. */
  readonly plaintexts: ReadonlyMap<string, ReadonlySet<string>>;
}

export const password = 'correct horse battery';

export class OrgBuilder {
  readonly stack: LocalStack;
  readonly org: string;
  readonly adminKey: string;
  readonly agentKey: string;
  readonly plaintexts = new Map<string, Set<string>>();
  readonly keys: Record<string, TestKey> = {};
  readonly blobs: Record<string, TestBlob> = {};
  readonly accounts: Record<string, TestAccount> = {};
  readonly deviceVaults: TestDeviceVault[] = [];
  #served: ServedVault | undefined;
  #count = 0;

  constructor(stack: LocalStack, made: { org: string; adminKey: string; agentKey: string }) {
    this.stack = stack;
    this.org = made.org;
    this.adminKey = made.adminKey;
    this.agentKey = made.agentKey;
  }

  #newText(name: string): string {
    const text = `${this.org} ${name} ${++this.#count}`;
    this.plaintexts.set(name, (this.plaintexts.get(name) ?? new Set()).add(text));
    return text;
  }

  async ask(status: number, method: string, path: string, key: string | undefined, body?: unknown, cookie?: string) {
    const headers = cookie === undefined ? {} : { cookie: `__Host-anima=${cookie}` };
    const answer = await this.stack.http(method, path, { key, headers, ...(body === undefined ? {} : { body }) });
    const text = await answer.text();
    expect(answer.status, `${method} ${path}: ${text}`).toBe(status);
    return { json: text === '' ? {} : JSON.parse(text), answer };
  }

  async set(name: string, extra: object = {}): Promise<void> {
    const metadata = { note: `metadata of ${this.#newText(name)}` };
    const body = { value: this.#newText(name), metadata, ...extra };
    await this.ask(200, 'PUT', `/v1/vault/values/${name}`, this.agentKey, body);
  }

  async remove(name: string): Promise<void> {
    await this.ask(200, 'DELETE', `/v1/vault/values/${name}`, this.agentKey);
  }

  async createKey(label: string, body: object): Promise<void> {
    const { json } = await this.ask(201, 'POST', '/v1/keys', this.adminKey, { name: label, ...body });
    this.keys[label] = { id: json.id, key: json.key };
  }

  async createKeys(): Promise<void> {
    await this.createKey('watcher', { role: 'admin' });
    await this.createKey('reader', { role: 'reader', verbs: ['values.read'], prefixes: ['prod/'], expiresAt: farAway });
    await this.createKey('auditor', { role: 'auditor' });
    await this.createKey('revoked', { role: 'reader' });
    await this.createKey('rotated', { role: 'reader' });
    await this.createKey('overlapping', { role: 'admin' });
    await this.createKey('expired', { role: 'reader', expiresAt: new Date(Date.now() + 2_000).toISOString() });
  }

  async endKeys(): Promise<void> {
    await this.ask(200, 'DELETE', `/v1/keys/${this.keys.revoked?.id}`, this.adminKey);
    const rotate = (label: string, body: object) =>
      this.ask(201, 'POST', `/v1/keys/${this.keys[label]?.id}/rotation`, this.adminKey, body);
    await rotate('rotated', { overlapSeconds: 0 });
    await rotate('overlapping', {});
  }

  async upload(label: string, options: object): Promise<BegunUpload> {
    const begun = await beginUpload(this.stack, Buffer.from(`${this.org} ${label}`), options, this.agentKey);
    const openProof = await linkProof(begun.linkWithKey, 'open');
    this.blobs[label] = { id: begun.id, link: begun.link, openProof };
    if (label === 'unfinished') return begun;
    expect((await postForm(formOf(begun), begun.bytes)).status).toBeLessThan(300);
    expect((await completeUpload(this.stack, begun, begun.completion, this.agentKey)).status).toBe(200);
    return begun;
  }

  async createBlobs(): Promise<BegunUpload> {
    await this.upload('ready', { expiresIn: 86_400, maxOpens: 3 });
    await this.upload('spent', { maxOpens: 1 });
    await this.upload('relinked', {});
    await this.upload('deleted', {});
    await this.upload('unfinished', {});
    return await this.upload('burned', { burn: true });
  }

  async endBlobs(burned: BegunUpload): Promise<void> {
    const open = (label: string) =>
      this.ask(200, 'POST', `/v1/links/${this.blobs[label]?.link}/opening`, undefined, {
        proof: this.blobs[label]?.openProof,
      });
    await open('spent');
    await open('ready');
    await open('burned');
    const proof = await linkProof(burned.linkWithKey, 'burn');
    await this.ask(200, 'POST', `/v1/links/${burned.link}/burning`, undefined, { proof });
    await this.ask(200, 'DELETE', `/v1/blobs/${this.blobs.deleted?.id}`, this.agentKey);
    const relinked = this.blobs.relinked ?? expect.fail();
    const { json } = await this.ask(200, 'POST', `/v1/blobs/${relinked.id}/link`, this.agentKey);
    this.blobs.relinked = { ...relinked, link: json.link, oldLink: relinked.link };
  }

  async #logIn(login: string): Promise<string> {
    const { answer } = await this.ask(200, 'POST', '/v1/sessions', undefined, { org: this.org, login, password });
    return /=([^;]*)/.exec(answer.headers.get('set-cookie') ?? '')?.[1] ?? expect.fail('no cookie');
  }

  async createAccount(label: string): Promise<void> {
    const { json } = await this.ask(201, 'POST', '/v1/users', this.adminKey, {});
    const login = `${label}.${this.org}`;
    const key: string = json.key;
    await this.ask(200, 'PUT', '/v1/account/password', key, { login, password });
    this.accounts[label] = { user: json.user, key, login, session: await this.#logIn(login) };
    for (const id of ['tea', 'gone']) {
      await this.ask(201, 'POST', '/v1/memory/records', key, { id, data: this.#newText(id) });
      await this.ask(200, 'PUT', `/v1/memory/records/${id}`, key, { data: this.#newText(id) });
    }
  }

  async changeAccount(label: string, newKey: string): Promise<void> {
    const account = this.accounts[label] ?? expect.fail();
    await this.ask(200, 'POST', '/v1/account/key', account.key, { newKey });
    // The change of the key ends all sessions.
    const session = await this.#logIn(account.login);
    await this.ask(200, 'PUT', '/v1/memory/records/tea', newKey, { data: this.#newText('tea') });
    await this.ask(200, 'DELETE', '/v1/memory/records/gone', newKey);
    const old = { oldKey: account.key, ...(account.session === undefined ? {} : { oldSession: account.session }) };
    this.accounts[label] = { ...account, key: newKey, session, ...old };
  }

  async deleteAccount(label: string): Promise<void> {
    await this.ask(200, 'DELETE', `/v1/users/${this.accounts[label]?.user}`, this.adminKey);
  }

  /** Ten attempts with a wrong password lock the login name for a quarter of an hour. */
  async lockLogin(label: string): Promise<void> {
    const { login } = this.accounts[label] ?? expect.fail();
    const attempt = { org: this.org, login, password: 'not the password' };
    for (let n = 0; n < 10; n++) await this.ask(401, 'POST', '/v1/sessions', undefined, attempt);
  }

  /** A device vault of the user, with a second device and a recovery box. */
  async createDeviceVault(): Promise<void> {
    const { user = '', key = '' } = this.accounts.user ?? {};
    const served = new ServedVault(this.stack, { org: this.org, user, key });
    const member = await served.begin();
    const removed = await served.add(member);
    await served.put(member, 'a', this.#newText('a'));
    const box = Buffer.alloc(250, this.deviceVaults.length + 1);
    const recovery = memberOf(await generateDeviceKeys(true), 'recovery');
    await served.roster(member, { kind: 'recovery', recovery, box: await recoveryBoxHash(box) }, box);
    const pairing = randomId();
    const path = `/v1/device-vaults/${served.scope.vault}/pairings/${pairing}/new/1`;
    await this.ask(200, 'PUT', path, key, { message: Buffer.from(this.org).toString('base64') });
    this.deviceVaults.push({ scope: served.scope, member, removed, pairing });
    this.#served = served;
  }

  async removeDevice(): Promise<void> {
    const { member, removed } = this.deviceVaults[0] ?? expect.fail('no device vault');
    const served = this.#served ?? expect.fail('no device vault');
    await served.roster(member, { kind: 'remove', device: removed.id });
    await served.put(member, 'a', this.#newText('a'));
  }

  build(): OrgWorld {
    const { org, adminKey, agentKey, keys, blobs, accounts, deviceVaults, plaintexts } = this;
    const watcher = keys.watcher?.key ?? '';
    return { org, adminKey, watcher, agentKey, keys, blobs, accounts, deviceVaults, plaintexts };
  }
}
