/** Ann with the owner's page in Chromium, and an agent of hers, at a local vault. */
import type { Browser } from 'playwright-core';
import { expect } from 'vitest';
import { memoryStorage } from '../../sdk/src/device/storage/memory-storage.ts';
import { DirectoryAdmin } from '../../sdk/src/session/admin/directory-admin.ts';
import type { SessionClient } from '../../sdk/src/session/session-client.ts';
import { SessionDevices } from '../../sdk/src/session/session-devices.ts';
import { type Visit, visit } from '../link-page/chromium.ts';
import type { LocalStack } from '../shared/local-stack.ts';

export const ann = 'annannannannanna';

/** A device that waits for its confirmation, and the code that it shows. */
export interface Enrolling {
  readonly code: string;
  readonly client: Promise<SessionClient>;
}

export class OwnerWorld {
  readonly stack: LocalStack;
  readonly admin: DirectoryAdmin;
  readonly #browser: Browser;

  private constructor(stack: LocalStack, browser: Browser, admin: DirectoryAdmin) {
    this.stack = stack;
    this.#browser = browser;
    this.admin = admin;
  }

  static async begin(stack: LocalStack, browser: Browser): Promise<OwnerWorld> {
    const { org, adminKey, url } = stack.vault;
    const keys = DirectoryAdmin.newKeys();
    const admin = new DirectoryAdmin({ org, authority: keys.authority, apiKey: adminKey, baseURL: url });
    await admin.genesis(keys.recovery);
    return new OwnerWorld(stack, browser, admin);
  }

  get address(): string {
    return `${this.stack.vault.pageUrl}/owner/`;
  }

  /** A phone without a device. */
  async phone(options: Parameters<typeof visit>[1] = {}): Promise<Visit> {
    return await visit(this.#browser, { width: 390, height: 844, ...options });
  }

  /** Admits the device that shows this code, as an admin does. @returns its id */
  async admit(invite: Awaited<ReturnType<DirectoryAdmin['invite']>>, code: string, can?: string[]): Promise<string> {
    const waiting = async () => (await this.admin.waiting()).find(({ id }) => id === invite.id);
    await expect.poll(async () => (await waiting())?.fingerprint).toBe(code);
    return await this.admin.admit({ invite, can });
  }

  /** Enrolls an agent of Ann, which waits until a device of hers confirms it. */
  agent(): Promise<Enrolling> {
    return this.#enroll('agent', []);
  }

  /** Enrolls another device of Ann that can approve, and waits in the same way. */
  laptop(): Promise<Enrolling> {
    return this.#enroll('owner', ['approve']);
  }

  async #enroll(role: 'agent' | 'owner', can: string[]): Promise<Enrolling> {
    const invite = await this.admin.invite({ person: ann, role });
    const options = { storage: memoryStorage(), baseURL: this.stack.vault.url, acceptsParticipants: true };
    const code = Promise.withResolvers<string>();
    const client = new SessionDevices(options).enroll({
      invite: invite.invite,
      onProgress: ({ fingerprint }) => code.resolve(fingerprint),
    });
    // It is awaited by the caller.
    client.catch(() => undefined);
    await this.admit(invite, await code.promise, can);
    return { code: await code.promise, client };
  }
}
