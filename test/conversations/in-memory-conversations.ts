/** An in-memory deployment with the ports of conversations, which records calls and injects faults. */
import { createHmac, randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import type { JobHeader } from '../../core/jobs/job-envelope.ts';
import { newOrgKeyring, toKeyringRecord } from '../../core/org-keys/org-keyring.ts';
import { toUserKeyringRecord, type UserKeyring } from '../../core/users/user-keyring.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import {
  type ChannelName,
  type ChannelProvider,
  type ChannelProviders,
  channelNames,
  type FetchedMedia,
  type InboundMessage,
  type MediaRef,
  type SendResult,
  type WebhookContent,
  type WebhookRequest,
} from '../../lambdas/channels/channel-ports.ts';
import { AnswerLimits } from '../../lambdas/conversations/answer-limits.ts';
import { ChatCommandService } from '../../lambdas/conversations/chat-command-service.ts';
import type {
  Delivery,
  DeliveryStore,
  MediaStore,
  MediaUrls,
  ReceivedMediaStore,
  Responder,
  ResponderRequest,
} from '../../lambdas/conversations/conversation-ports.ts';
import { ConversationService } from '../../lambdas/conversations/conversation-service.ts';
import { MediaKeeper } from '../../lambdas/conversations/media-keeper.ts';
import { MessageProcessor } from '../../lambdas/conversations/message-processor.ts';
import { ReceivedMediaKeeper } from '../../lambdas/conversations/received-media.ts';
import { ReplySender } from '../../lambdas/conversations/reply-sender.ts';
import { WebhookReceiver } from '../../lambdas/conversations/webhook-receiver.ts';
import { JobProducer } from '../../lambdas/jobs/job-producer.ts';
import type { AttemptStore } from '../../lambdas/shared/attempt-ports.ts';
import type { AuditEvent } from '../../lambdas/shared/audit-log.ts';
import { AccountService } from '../../lambdas/users/account-service.ts';
import { DeletedUserPurger } from '../../lambdas/users/deleted-user-purger.ts';
import { IdentityLinkingService } from '../../lambdas/users/identity-linking-service.ts';
import { IdentityUserService } from '../../lambdas/users/identity-user-service.ts';
import { LocatorRegistry } from '../../lambdas/users/locator-registry.ts';
import { SlotUpdater } from '../../lambdas/users/slot-updater.ts';
import { UserDeletionService } from '../../lambdas/users/user-deletion-service.ts';
import type {
  LocatorStore,
  StoredLocator,
  StoredRecord,
  UserItemStore,
  UserKeyringStore,
  UserReader,
  UserRecordReader,
  UserRecordStore,
} from '../../lambdas/users/user-ports.ts';
import { VerifiedUserReader } from '../../lambdas/users/verified-user-reader.ts';
import { JobConsumer, type JobResult } from '../../lambdas/worker/job-consumer.ts';
import { authenticationKeyOf, createRecordVerifiers, InMemoryOrgMarks } from '../records/in-memory-records.ts';

/** A fault for a call. `lost` runs it and loses the reply; `refused` does not run it. */
export type CallFault = 'lost' | 'refused' | undefined;

export interface QueuedJob {
  readonly body: string;
  readonly group: string;
  readonly name: string;
}

/** A request signed by a fake provider. */
export interface FakeWebhook {
  readonly signed?: boolean;
  readonly reading?: WebhookContent;
  readonly messages?: readonly Partial<InboundMessage>[];
}

export const fakeWebhook = (content: FakeWebhook): WebhookRequest => ({
  method: 'POST',
  url: 'https://vault.example/',
  query: {},
  headers: {},
  body: Buffer.from(JSON.stringify({ signed: true, ...content })),
});

let deliveries = 0;
export const message = (identity: string, text: string, more: Partial<InboundMessage> = {}): InboundMessage => ({
  deliveryId: `delivery-${++deliveries}`,
  identity,
  text,
  shared: false,
  replyTo: { to: identity },
  ...more,
});

/** Extracts the code from the answer to `delete my account`. */
export const deletionCodeIn = (texts: readonly string[]): string =>
  /delete my account ([0-9A-Z]{6})$/.exec(texts.join())?.[1] ?? expect.fail(texts.join());

export const ada = { tel: 'tel:+447700900123', slack: 'slack:T0123/U0456' };

/** Restores the bytes of files, which JSON writes as a list. */
const reviveBytes = (_: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer' && 'data' in value
    ? Buffer.from(value.data as number[])
    : value;

/** The persistent state and the recorded calls. */
export class InMemoryConversations {
  readonly org = randomId();
  orgKeyring: unknown = toKeyringRecord(newOrgKeyring(authenticationKeyOf(this.org), '2026-01-01T00:00:00.000Z'));
  readonly keyrings = new Map<string, Record<string, unknown>>();
  readonly locators = new Map<string, StoredLocator & { readonly ttl?: number }>();
  readonly records = new Map<string, StoredRecord>();
  readonly deliveries = new Map<string, Delivery | { readonly delivery: string }>();
  readonly queue: QueuedJob[] = [];
  readonly audits: AuditEvent[] = [];
  readonly responderRequests: ResponderRequest[] = [];
  readonly sent: { readonly channel: string; readonly to: string; readonly text: string }[] = [];
  readonly calls: string[] = [];
  readonly time = { now: new Date('2026-06-01T12:00:00.000Z') };
  secrets: unknown = { ready: true };
  respond: ((request: ResponderRequest) => Promise<string | undefined>) | undefined = async ({ message: { text } }) =>
    `You said: ${text}`;
  deliver: () => SendResult = () => 'sent';
  /** Returns the files that a message refers to. */
  fetchMedia: (ref: MediaRef, maxBytes: number) => Promise<FetchedMedia> = async () => ({ refusal: 'unavailable' });
  /** Called before and after each call. */
  fault: (action: string, when: 'before' | 'after') => Promise<CallFault> | CallFault = () => undefined;
  pause = async () => {};
  readonly #keys = { custody: randomBytes(32), code: randomBytes(32), routing: randomBytes(32) };

  async call<T>(action: string, run: () => T): Promise<T> {
    this.calls.push(action);
    if ((await this.fault(action, 'before')) !== undefined) throw new VaultError('unavailable');
    const result = structuredClone(run());
    if ((await this.fault(action, 'after')) !== undefined) throw new VaultError('unavailable');
    return result;
  }

  #hmac(key: 'custody' | 'code' | 'routing', text: Uint8Array): Buffer {
    return createHmac('sha256', this.#keys[key]).update(text).digest();
  }

  readonly custody = {
    deriveIdentitySecret: async (text: Uint8Array) =>
      Buffer.from(await this.call('kms:custody', () => new Uint8Array(this.#hmac('custody', text)))),
  };
  readonly codes = {
    deriveCodeSecret: async (text: Uint8Array) =>
      Buffer.from(await this.call('kms:code', () => new Uint8Array(this.#hmac('code', text)))),
  };
  readonly routing = {
    deriveLocator: (text: Uint8Array) =>
      this.call('kms:routing', () => this.#hmac('routing', text).toString('base64url')),
  };
  readonly transit = {
    generateKey: async ({ org, id, kind }: JobHeader) => {
      const secret = randomBytes(32);
      const wrapped = Buffer.from(JSON.stringify({ org, id, kind, secret: secret.toString('hex') }));
      await this.call('kms:generate', () => undefined);
      return { secret, wrapped };
    },
    unwrapKey: async ({ org, id, kind }: JobHeader, wrapped: Uint8Array) => {
      await this.call('kms:unwrap', () => undefined);
      const inside = JSON.parse(Buffer.from(wrapped).toString());
      if (inside.org !== org || inside.id !== id || inside.kind !== kind) throw new DecryptionError();
      return Buffer.from(inside.secret, 'hex');
    },
  };

  readonly #recordReader: UserRecordReader = {
    read: (owner, keys) =>
      this.call('db:read', () => ({
        orgKeyring: this.orgKeyring,
        keyring: this.keyrings.get(owner.user),
        records: new Map(keys.flatMap((key) => this.#record(owner, key.collection, key.id))),
      })),
  };
  readonly marks = new InMemoryOrgMarks().begin(this.org);
  readonly reader: UserReader = new VerifiedUserReader(
    this.#recordReader,
    createRecordVerifiers(this.marks, () => this.time.now).keyringVerifier,
  );
  #record({ user }: UserRef, collection: string, id: string): [string, StoredRecord][] {
    const found = this.records.get(`${user}/${collection}/${id}`);
    return found === undefined ? [] : [[id, found]];
  }
  readonly keyringStore: UserKeyringStore = {
    create: (keyring) =>
      this.call('db:create-user', () => {
        if (this.keyrings.has(keyring.user)) return false;
        this.keyrings.set(keyring.user, toUserKeyringRecord(keyring));
        return true;
      }),
    replace: (next) =>
      this.call('db:replace-user', () => {
        if (this.keyrings.get(next.user)?.generation !== next.generation - 1) return false;
        this.keyrings.set(next.user, toUserKeyringRecord(next));
        return true;
      }),
    overwriteWithTombstone: () => Promise.reject(new Error('no keyring is damaged here')),
    getRecord: ({ user }) => this.call('db:keyring', () => this.keyrings.get(user)),
    list: () => Promise.reject(new Error('not asked for here')),
  };
  readonly locatorStore: LocatorStore = {
    find: (_, locator) => this.call('db:locator', () => this.locators.get(locator)),
    claim: (_, next, before, beforeSlot) =>
      this.call('db:claim', () => {
        const there = this.locators.get(next.locator);
        const own = there?.user === next.user && (next.expiresAt === undefined || there.slot === next.slot);
        const isBefore = there?.user === before && there?.slot === beforeSlot;
        if (there !== undefined && !own && !isBefore) return false;
        this.locators.set(next.locator, next);
        return true;
      }),
    remove: (_, locator, user, slot) =>
      this.call('db:remove-locator', () => {
        const there = this.locators.get(locator);
        if (there?.user === user && (slot === undefined || there.slot === slot)) this.locators.delete(locator);
      }),
    retire: (_, locator, user, ttl, slot) =>
      this.call('db:retire', () => {
        const there = this.locators.get(locator);
        if (there?.user !== user || (slot !== undefined && there.slot !== slot)) return;
        this.locators.set(locator, { ...there, ttl, retired: true });
      }),
    countLinkCodeTry: (_, locator, now) =>
      this.call('db:try', () => {
        const there = this.locators.get(locator);
        if (there?.tries === undefined || there.tries >= 5 || (there.expiresAt ?? '') <= now.toISOString())
          return undefined;
        const next = { ...there, tries: there.tries + 1 };
        this.locators.set(locator, next);
        return next;
      }),
  };
  readonly recordStore: UserRecordStore & UserItemStore = {
    put: ({ user }, record, before) =>
      this.call('db:put', () => {
        const id = `${user}/${record.collection}/${record.id}`;
        const there = this.records.get(id);
        if (there?.data !== before?.data && there?.data !== record.data) return false;
        this.records.set(id, record);
        return true;
      }),
    delete: (ownerOrOrg: UserRef | string, key: unknown) =>
      this.call('db:delete', () => {
        if (typeof ownerOrOrg === 'string') {
          for (const id of key as string[]) this.records.delete(id);
          return true;
        }
        const { collection, id } = key as StoredRecord;
        return this.records.delete(`${ownerOrOrg.user}/${collection}/${id}`);
      }) as never,
    list: (ownerOrOrg: UserRef | string, ...rest: readonly unknown[]) =>
      this.call('db:list', () => {
        if (typeof ownerOrOrg === 'string') {
          const ids = [...this.records.keys()].filter((id) => id.startsWith(`${String(rest[0])}/`));
          return { items: ids.slice(0, Number(rest[1])), more: ids.length > Number(rest[1]) };
        }
        const [collection, after, limit, descending] = rest as [string, string | undefined, number, boolean];
        const all = [...this.records.entries()]
          .filter(([id]) => id.startsWith(`${ownerOrOrg.user}/${collection}/`))
          .map(([, record]) => record)
          .sort((a, b) => (a.id < b.id ? -1 : 1));
        const list = descending ? all.reverse() : all;
        const found = list.filter(({ id }) => after === undefined || (descending ? id < after : id > after));
        return { items: found.slice(0, limit), more: found.length > limit };
      }) as never,
    markSent: ({ user }, { collection, id }) =>
      this.call('db:mark-sent', () => {
        const there = this.records.get(`${user}/${collection}/${id}`);
        if (there !== undefined) this.records.set(`${user}/${collection}/${id}`, { ...there, sent: true });
      }),
  };
  readonly deliveryStore: DeliveryStore = {
    claim: (_, id, job) =>
      this.call('db:delivery', () => {
        if (!this.deliveries.has(id)) this.deliveries.set(id, { job, state: 'new' });
        return this.deliveries.get(id) as Delivery;
      }),
    claimToken: (_, id, delivery) =>
      this.call('db:token', () => {
        if (!this.deliveries.has(id)) this.deliveries.set(id, { delivery });
        return (this.deliveries.get(id) as { delivery: string }).delivery === delivery;
      }),
    markQueued: (_, id) =>
      this.call('db:queued', () => {
        this.deliveries.set(id, { ...(this.deliveries.get(id) as Delivery), state: 'queued' });
      }),
  };
  /** Objects by key. */
  readonly objects = new Map<string, Buffer>();
  readonly mediaStore: MediaStore & MediaUrls & ReceivedMediaStore & UserItemStore = {
    putReceived: (_, id, object) =>
      this.call('s3:receive', () => void this.objects.set(`received/${id}`, Buffer.from(object))),
    put: ({ user }, id, object) =>
      this.call('s3:put', () => void this.objects.set(`${user}/${id}`, Buffer.from(object))),
    takeOver: ({ user }, id) =>
      this.call('s3:take-over', () => {
        const received = this.objects.get(`received/${id}`);
        if (received !== undefined) this.objects.set(`${user}/${id}`, received);
        this.objects.delete(`received/${id}`);
        return this.objects.has(`${user}/${id}`);
      }),
    presign: async ({ user }, id) => `https://objects.example/${user}/${id}`,
    list: (_, user, limit) =>
      this.call('s3:list', () => {
        const keys = [...this.objects.keys()].filter((key) => user === undefined || key.startsWith(`${user}/`));
        return { items: keys.slice(0, limit), more: keys.length > limit };
      }),
    delete: (ownerOrOrg: UserRef | string, ids: readonly string[]) =>
      this.call('s3:delete', () => {
        for (const id of ids) this.objects.delete(typeof ownerOrOrg === 'string' ? id : `${ownerOrOrg.user}/${id}`);
      }),
  };
  limitsAnswers = true;
  /** Counters of answers, without windows of time. */
  readonly attempts = new Map<string, number>();
  readonly attemptStore: Pick<AttemptStore, 'countAttempt'> = {
    countAttempt: (_, counter, { attempts, windowSeconds }) =>
      this.call('db:count', () => {
        const count = (this.attempts.get(counter) ?? 0) + 1;
        this.attempts.set(counter, count);
        return count <= attempts || !this.limitsAnswers ? 0 : windowSeconds;
      }),
  };
  readonly jobQueue = {
    send: (body: string, group: string, name: string) =>
      this.call('sqs:send', () => {
        if (!this.queue.some((job) => job.name === name)) this.queue.push({ body, group, name });
      }),
  };
  readonly responder: Responder = {
    answer: (request) => {
      this.responderRequests.push(request);
      this.calls.push('responder');
      return this.respond?.(request) ?? Promise.resolve(undefined);
    },
  };

  /** Creates a separate warm function instance. Instances share only the persistent state. */
  instance({ answers = true } = {}) {
    const clock = () => this.time.now;
    const { reader, keyringStore: keyrings, locatorStore: store, custody, codes, routing, recordStore: records } = this;
    const jobs = new JobProducer(this.transit, this.jobQueue);
    const locators = new LocatorRegistry(store, keyrings, clock);
    const changes = new SlotUpdater(keyrings, clock);
    const deleting = new UserDeletionService(keyrings, store, jobs, clock, () => this.pause());
    const identities = new IdentityUserService({
      reader,
      keyrings,
      locatorRegistry: locators,
      custodyMacs: custody,
      routingMacs: routing,
      clock,
    });
    const linking = new IdentityLinkingService({
      reader,
      locatorStore: store,
      locatorRegistry: locators,
      codeMacs: codes,
      routingMacs: routing,
      slotUpdater: changes,
      clock,
    });
    const accounts = new AccountService(changes, store, clock);
    const commands = new ChatCommandService({
      identityUsers: identities,
      locatorStore: store,
      reader,
      identityLinking: linking,
      accounts,
      userDeletion: deleting,
      clock,
    });
    const secrets = { getCredentials: async () => this.call('secrets', () => this.secrets) };
    const channels = this.#channels();
    const carrier = { fetch, baseUrlOverride: undefined };
    const replySender = new ReplySender({
      reader,
      channelCredentials: secrets,
      channelProviders: channels,
      providerHttp: carrier,
    });
    const answerLimits = new AnswerLimits(this.attemptStore);
    const conversations = new ConversationService({
      identityUsers: identities,
      reader,
      records,
      mediaKeeper: new MediaKeeper(this.mediaStore),
      mediaUrls: this.mediaStore,
      answerLimits,
      responder: answers ? this.responder : undefined,
      replySender,
      clock,
    });
    const processor = new MessageProcessor({
      identityUsers: identities,
      chatCommands: commands,
      conversations,
      answerLimits,
      replySender,
      clock,
    });
    const erasing = new DeletedUserPurger({
      keyrings,
      locatorStore: this.locatorStore,
      userItems: [records, this.mediaStore],
      jobProducer: jobs,
      clock,
    });
    const audit = {
      write: async (facts: AuditEvent) => void (await this.call('db:audit', () => this.audits.push(facts))),
    };
    return {
      identities,
      linking,
      deleting,
      receiving: new WebhookReceiver({
        channelCredentials: secrets,
        channelProviders: channels,
        providerHttp: carrier,
        deliveries: this.deliveryStore,
        routingMacs: routing,
        jobProducer: jobs,
        receivedMedia: new ReceivedMediaKeeper(this.mediaStore),
        clock,
      }),
      working: new JobConsumer({
        transitKeys: this.transit,
        messageProcessor: processor,
        deletedUserPurger: erasing,
        audit,
        queue: this.jobQueue,
        clock,
      }),
    };
  }

  /** Channels with the word `signed` as signature, because these tests cover only the steps after verification. */
  #channels(): ChannelProviders {
    const channel = (name: ChannelName): ChannelProvider => ({
      name,
      acceptedResponse: { contentType: 'text/plain', body: `${name} ok` },
      replayableSeconds: name === 'twilio' ? undefined : 600,
      accountFor: (secrets) =>
        secrets === undefined
          ? undefined
          : {
              verifyAndParse: async ({ body }) => {
                const { signed, reading, messages }: FakeWebhook = JSON.parse(
                  Buffer.from(body).toString(),
                  reviveBytes,
                );
                if (!signed) return undefined;
                return reading ?? { kind: 'messages', messages: (messages ?? []) as InboundMessage[] };
              },
              sendReply: async (replyTo, text) => {
                this.calls.push('send');
                const result = this.deliver();
                if (result === 'sent') this.sent.push({ channel: name, to: replyTo.to ?? '', text });
                return result;
              },
              fetchMedia: async (ref, maxBytes) => {
                this.calls.push('fetch');
                return await this.fetchMedia(ref, maxBytes);
              },
            },
    });
    return Object.fromEntries(channelNames.map((name) => [name, channel(name)])) as ChannelProviders;
  }

  /** Runs a complete webhook request. */
  async receive(name: ChannelName, ...messages: InboundMessage[]) {
    const proven = await this.instance().receiving.verify(this.org, name, fakeWebhook({ messages }));
    return await proven.enqueueMessages();
  }

  /** Processes the first job of the queue and removes it unless it fails. */
  async workOne(answers = true, attempt = 1): Promise<JobResult> {
    const job = this.queue[0] ?? expect.fail('the queue is empty');
    const delivered = { body: job.body, messageId: randomId(), attempt, remainingMs: () => 60_000 };
    const worked = await this.instance({ answers }).working.processMessage(delivered);
    this.queue.splice(this.queue.indexOf(job), 1);
    return worked;
  }

  /** Processes all jobs in order. */
  async workAll(answers = true): Promise<JobResult[]> {
    const done: JobResult[] = [];
    while (this.queue.length > 0) done.push(await this.workOne(answers));
    return done;
  }

  /** Sends a message on a channel, processes it, and returns the answers. */
  async say(name: ChannelName, identity: string, text: string, more: Partial<InboundMessage> = {}): Promise<string[]> {
    const before = this.sent.length;
    await this.receive(name, message(identity, text, more));
    await this.workAll();
    this.time.now = new Date(this.time.now.getTime() + 1000);
    return this.sent.slice(before).map((one) => one.text);
  }

  /** The only user that is not deleted. */
  user(): UserKeyring & { readonly slots: Record<string, { kind: string }> } {
    const active = [...this.keyrings.values()].filter(({ state }) => state === 'active');
    expect(active).toHaveLength(1);
    return active[0] as never;
  }

  /** Requests a deletion code, sends it, and returns the answers. */
  async end(name: ChannelName, identity: string): Promise<string[]> {
    const code = deletionCodeIn(await this.say(name, identity, 'delete my account'));
    return await this.say(name, identity, `delete my account ${code}`);
  }

  /** Links Slack to the account of the phone number. */
  async link(): Promise<void> {
    const [shown = ''] = await this.say('twilio', ada.tel, 'link');
    const code = /link (\S+)/.exec(shown)?.[1] ?? expect.fail(shown);
    expect(await this.say('slack', ada.slack, `link ${code}`)).toEqual([expect.stringContaining('Linked')]);
  }
}
