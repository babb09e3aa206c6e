/** Users of an org with in-memory ports, which record calls and run a hook before each call. */
import { createHmac, randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { limits } from '../../contract/shared/limits.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { openJob, parseEncryptedJob } from '../../core/jobs/job-envelope.ts';
import { newOrgKeyring, toKeyringRecord } from '../../core/org-keys/org-keyring.ts';
import { parseSessionToken } from '../../core/users/session-token.ts';
import { parseUserKey } from '../../core/users/user-key.ts';
import {
  parseUserKeyringRecord,
  toUserKeyringRecord,
  type UserKeyring,
  type UserTombstone,
} from '../../core/users/user-keyring.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import { JobProducer } from '../../lambdas/jobs/job-producer.ts';
import type { AttemptStore } from '../../lambdas/shared/attempt-ports.ts';
import { AccountService } from '../../lambdas/users/account-service.ts';
import { IdentityLinkingService } from '../../lambdas/users/identity-linking-service.ts';
import { IdentityUserService } from '../../lambdas/users/identity-user-service.ts';
import { LocatorRegistry } from '../../lambdas/users/locator-registry.ts';
import { LoginService } from '../../lambdas/users/login-service.ts';
import { PasswordService } from '../../lambdas/users/password-service.ts';
import { PasswordSlotService } from '../../lambdas/users/password-slot-service.ts';
import { ReauthenticationService } from '../../lambdas/users/reauthentication-service.ts';
import { SlotUpdater } from '../../lambdas/users/slot-updater.ts';
import { slotSecretOf, type UnlockedUser, type UserCredential, unlockUser } from '../../lambdas/users/unlocked-user.ts';
import { UserAdminService } from '../../lambdas/users/user-admin-service.ts';
import { UserDeletionService } from '../../lambdas/users/user-deletion-service.ts';
import type {
  LocatorStore,
  StoredLocator,
  UserKeyringStore,
  UserReader,
  UserRecordReader,
} from '../../lambdas/users/user-ports.ts';
import { VerifiedUserReader } from '../../lambdas/users/verified-user-reader.ts';
import { authenticationKeyOf, createRecordVerifiers, InMemoryOrgMarks } from '../records/in-memory-records.ts';

export const identity = 'tel:+447700900123';
/** Address of the callers of a login. */
export const sourceIp = '203.0.113.7';

export class InMemoryUsers {
  readonly org = randomId();
  orgKeyring: unknown = toKeyringRecord(newOrgKeyring(authenticationKeyOf(this.org), '2026-01-01T00:00:00.000Z'));
  readonly keyrings = new Map<string, unknown>();
  readonly locatorItems = new Map<string, StoredLocator & { readonly ttl?: number }>();
  readonly tries = new Map<string, { tries: number; until: number }>();
  readonly queue: { readonly body: string; readonly group: string; readonly name: string }[] = [];
  readonly calls: string[] = [];
  readonly time = { now: new Date('2026-06-01T12:00:00.000Z') };
  /** Runs before each call, after the call is recorded. If it throws, the call fails with this error. */
  before: (call: string) => Promise<unknown> | unknown = () => undefined;
  /**
   * Runs after the next keyring change, whose reply is lost. The client's retry then sees the state that this hook
   * left.
   */
  lost: (() => Promise<unknown>) | undefined;
  readonly #keys = { custody: randomBytes(32), code: randomBytes(32), routing: randomBytes(32) };

  readonly clock = () => this.time.now;
  pass(seconds: number): void {
    this.time.now = new Date(this.time.now.getTime() + seconds * 1000);
  }
  async call<T>(name: string, run: () => T): Promise<T> {
    this.calls.push(name);
    await this.before(name);
    return structuredClone(run());
  }
  mac(key: 'custody' | 'code' | 'routing', text: Uint8Array): Buffer {
    return createHmac('sha256', this.#keys[key]).update(text).digest();
  }

  readonly custody = {
    deriveIdentitySecret: async (text: Uint8Array) =>
      Buffer.from(await this.call('kms:custody', () => new Uint8Array(this.mac('custody', text)))),
  };
  readonly codes = {
    deriveCodeSecret: async (text: Uint8Array) =>
      Buffer.from(await this.call('kms:code', () => new Uint8Array(this.mac('code', text)))),
  };
  readonly routing = {
    deriveLocator: (text: Uint8Array) =>
      this.call('kms:routing', () => this.mac('routing', text).toString('base64url')),
  };
  readonly #recordReader: UserRecordReader = {
    read: ({ user }) =>
      this.call('db:read', () => ({
        orgKeyring: this.orgKeyring,
        keyring: this.keyrings.get(user),
        records: new Map(),
      })),
  };
  readonly marks = new InMemoryOrgMarks().begin(this.org);
  readonly reader: UserReader = new VerifiedUserReader(
    this.#recordReader,
    createRecordVerifiers(this.marks, this.clock).keyringVerifier,
  );
  readonly keyringStore: UserKeyringStore = {
    create: (keyring) =>
      this.call('db:create', () => {
        if (this.keyrings.has(keyring.user)) return false;
        this.keyrings.set(keyring.user, toUserKeyringRecord(keyring));
        return true;
      }),
    replace: async (next) => {
      const held = await this.call('db:replace', () => {
        const now = this.keyrings.get(next.user);
        const before = now === undefined ? undefined : parseUserKeyringRecord(now, next);
        if (before?.state !== 'active' || before.generation !== next.generation - 1) return false;
        this.keyrings.set(next.user, toUserKeyringRecord(next));
        return true;
      });
      const { lost } = this;
      if (lost === undefined) return held;
      this.lost = undefined;
      await lost();
      return false;
    },
    overwriteWithTombstone: (deleted, before) =>
      this.call('db:bury', () => {
        const now = this.keyrings.get(deleted.user);
        if (now === undefined || ![undefined, before].includes(Object(now).deletedAt)) return false;
        this.keyrings.set(deleted.user, toUserKeyringRecord(deleted));
        return true;
      }),
    getRecord: ({ user }) => this.call('db:stored', () => this.keyrings.get(user)),
    list: (_, after, limit) =>
      this.call('db:list', () => {
        const users = [...this.keyrings.keys()].sort().filter((user) => after === undefined || user > after);
        const items = users.slice(0, limit).map((user) => ({ user, record: this.keyrings.get(user) }));
        return { items, more: users.length > limit };
      }),
  };
  readonly store: LocatorStore & AttemptStore = {
    find: (_, locator) => this.call('db:find', () => this.locatorItems.get(locator)),
    claim: (_, next, before, beforeSlot) =>
      this.call('db:claim', () => {
        const there = this.locatorItems.get(next.locator);
        const isSame = there?.user === next.user && (next.expiresAt === undefined || there.slot === next.slot);
        const isBefore = there?.user === before && there?.slot === beforeSlot;
        if (there !== undefined && !isSame && !isBefore) return false;
        this.locatorItems.set(next.locator, next);
        return true;
      }),
    remove: (_, locator, user, slot) =>
      this.call('db:remove', () => {
        const there = this.locatorItems.get(locator);
        if (there?.user === user && (slot === undefined || there.slot === slot)) this.locatorItems.delete(locator);
      }),
    retire: (_, locator, user, ttl, slot) =>
      this.call('db:retire', () => {
        const there = this.locatorItems.get(locator);
        if (there?.user !== user || (slot !== undefined && there.slot !== slot)) return;
        this.locatorItems.set(locator, { ...there, ttl, retired: true });
      }),
    countLinkCodeTry: (_, locator, now) =>
      this.call('db:try', () => {
        const there = this.locatorItems.get(locator);
        if (there?.tries === undefined || there.tries >= limits.linkCodeAttempts) return undefined;
        if (there.expiresAt === undefined || there.expiresAt <= now.toISOString()) return undefined;
        const next = { ...there, tries: there.tries + 1 };
        this.locatorItems.set(locator, next);
        return next;
      }),
    countAttempt: (_, counter, { attempts, windowSeconds }, now) =>
      this.call('db:attempt', () => {
        const there = this.tries.get(counter);
        const isOpen = there !== undefined && there.until > now.getTime();
        const next = isOpen
          ? { ...there, tries: there.tries + 1 }
          : { tries: 1, until: now.getTime() + windowSeconds * 1000 };
        this.tries.set(counter, next);
        return next.tries <= attempts ? 0 : Math.ceil((next.until - now.getTime()) / 1000);
      }),
    resetAttempts: (_, locator) => this.call('db:forget', () => void this.tries.delete(locator)),
  };
  readonly #jobs = new JobProducer(
    {
      generateKey: async () => ({ secret: Buffer.alloc(32, 9), wrapped: Buffer.alloc(1) }),
      unwrapKey: async () => Buffer.alloc(32, 9),
    },
    { send: (body, group, name) => this.call('sqs:send', () => void this.queue.push({ body, group, name })) },
  );

  readonly locators = new LocatorRegistry(this.store, this.keyringStore, this.clock);
  readonly changes = new SlotUpdater(this.keyringStore, this.clock);
  readonly deleting = new UserDeletionService(this.keyringStore, this.store, this.#jobs, this.clock, async () => {});
  readonly users = new UserAdminService(this.keyringStore, this.deleting, this.clock);
  readonly accounts = new AccountService(this.changes, this.store, this.clock);
  readonly #slots = new PasswordSlotService(this.codes);
  readonly confirming = new ReauthenticationService(this.store, this.#slots, this.clock);
  readonly #parts = {
    reader: this.reader,
    keyrings: this.keyringStore,
    locatorStore: this.store,
    attempts: this.store,
    locatorRegistry: this.locators,
    custodyMacs: this.custody,
    codeMacs: this.codes,
    routingMacs: this.routing,
    passwordSlots: this.#slots,
    reauthentication: this.confirming,
    slotUpdater: this.changes,
    clock: this.clock,
  };
  readonly identities = new IdentityUserService(this.#parts);
  readonly linking = new IdentityLinkingService(this.#parts);
  readonly passwords = new PasswordService(this.#parts);
  readonly logins = new LoginService(this.#parts);

  /** Creates a user and returns its key. */
  async newUser(): Promise<{ owner: UserRef; key: string }> {
    const { user, key } = await this.users.create(
      this.org,
      newOrgKeyring(authenticationKeyOf(this.org), '2026-01-01T00:00:00.000Z'),
    );
    return { owner: { org: this.org, user }, key };
  }
  /** Unlocks a user with a user key or a session token. */
  async open(text: string): Promise<UnlockedUser> {
    const key = parseUserKey(text);
    const token = parseSessionToken(text);
    const presented: UserCredential =
      key === undefined ? { kind: 'session', token: token ?? expect.fail('no token') } : { kind: 'credential', key };
    const { org, user } = key ?? token ?? expect.fail();
    return unlockUser(presented, slotSecretOf(presented), await this.reader.read({ org, user }, []), this.clock());
  }
  /** Logs in and returns the session token. */
  async logIn(login: string, password: string): Promise<string> {
    return sessionTokenOf((await this.logins.logIn({ org: this.org, login, password }, sourceIp)).cookie);
  }
  stored(owner: UserRef): UserKeyring | UserTombstone {
    return parseUserKeyringRecord(this.keyrings.get(owner.user), owner);
  }
  kinds(owner: UserRef): string[] {
    const stored = this.stored(owner);
    return stored.state === 'active' ? stored.slots.map(({ kind }) => kind).sort() : ['deleted'];
  }
  /** The jobs that were sent to the worker. */
  jobs(): unknown[] {
    return this.queue.map(({ body }) => JSON.parse(openJob(parseEncryptedJob(body), Buffer.alloc(32, 9)).toString()));
  }
  /** The calls that `run` makes, in order. */
  async count(run: () => Promise<unknown>): Promise<string[]> {
    const from = this.calls.length;
    await run().catch((error: unknown) => {
      if (error instanceof DecryptionError) throw error;
    });
    return this.calls.slice(from);
  }
}

export const sessionTokenOf = (cookie: string): string =>
  /^__Host-anima=([^;]*); Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=604800$/.exec(cookie)?.[1] ??
  expect.fail('not the documented cookie');
