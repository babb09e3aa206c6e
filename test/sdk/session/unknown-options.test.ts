/** Options that a method of sessions does not have are refused, before anything is sent. */
import { beforeAll, describe, expect, test } from 'vitest';
import { memoryStorage } from '../../../sdk/src/device/storage/memory-storage.ts';
import { DirectoryAdmin } from '../../../sdk/src/session/admin/directory-admin.ts';
import { Conversations } from '../../../sdk/src/session/conversations/conversations.ts';
import { Push } from '../../../sdk/src/session/push.ts';
import { SessionClient } from '../../../sdk/src/session/session-client.ts';
import { SessionDevices } from '../../../sdk/src/session/session-devices.ts';
import { callOptions, expectKnownOptions, methodsOf, type OptionRow, row } from '../option-rows.ts';
import { ann, fullWorld, org, type SessionWorld } from './session-world.ts';

const only = row<typeof callOptions>;
const certify = async () => new Uint8Array();
let world: SessionWorld;
let sessions: SessionDevices;
let client: SessionClient;
beforeAll(async () => {
  const full = await fullWorld();
  world = full.world;
  client = full.laptop.client;
  sessions = world.sessions(memoryStorage(), []);
});
const seed = new Uint8Array(1);
const created = { invite: 'x', id: 'x', person: ann, role: 'owner', expiresAt: new Date() } as const;
const people = { persons: ['x'], agents: [] };

const ofDevices: Record<string, OptionRow> = {
  enroll: row((o) => sessions.enroll(o), { ...callOptions, invite: 'x', name: 'n', onProgress: () => {} }),
  joinFleet: row(
    (o) => sessions.joinFleet(o),
    { ...callOptions, org, pin: 'x', name: 'n', certify },
    { pin: 'A'.repeat(43) },
  ),
  open: row((o) => sessions.open(o), { org, name: 'n', certify }),
  forget: row((o) => sessions.forget(o), { org, name: 'n', certify, confirm: '' }),
};
const ofClient: Record<string, OptionRow> = {
  send: row((o) => client.send('x', 'hello', o), { ...callOptions, type: 't', onProgress: () => {} }),
  messages: only((o) => client.messages(o), { ...callOptions, signal: AbortSignal.abort() }),
  sync: only((o) => client.sync(o), callOptions),
  countersign: row((o) => client.countersign('x', o), { ...callOptions, fingerprint: 'f' }),
  suspend: only((o) => client.suspend('x', o), callOptions),
};
const ofConversations: Record<string, OptionRow> = {
  open: row((o) => client.conversations.open(o), { ...callOptions, ...people }),
  change: row((o) => client.conversations.change('x', o), { ...callOptions, ...people }),
  publish: only((o) => client.conversations.publish({} as never, [], o), callOptions),
};
const ofPush: Record<string, OptionRow> = {
  key: only((o) => client.push.key(o), callOptions),
  subscribe: only((o) => client.push.subscribe({ endpoint: 'https://example.com' }, o), callOptions),
  unsubscribe: only((o) => client.push.unsubscribe(undefined, o), callOptions),
};
const key = { key: seed, person: ann, expiresAt: new Date() };
const ofAdmin: Record<string, OptionRow> = {
  genesis: only((o) => world.admin.genesis(world.keys.recovery, [], o), callOptions),
  invite: row((o) => world.admin.invite(o), { ...callOptions, person: 'x', role: 'owner' as const }, { person: ann }),
  waiting: only((o) => world.admin.waiting(o), callOptions),
  cancelInvite: only((o) => world.admin.cancelInvite('x', o), callOptions),
  admitBroker: only((o) => world.admin.admitBroker(ann, o), callOptions),
  admit: row(
    (o) => world.admin.admit(o),
    { ...callOptions, invite: created, can: [], expiresAt: new Date(), cosigner: seed },
    { invite: created },
  ),
  suspend: only((o) => world.admin.suspend('x', o), callOptions),
  suspendMember: only((o) => world.admin.suspendMember('x', seed, o), callOptions),
  resume: only((o) => world.admin.resume('x', o), callOptions),
  revoke: only((o) => world.admin.revoke('x', o), callOptions),
  link: only((o) => world.admin.link('x', 'y', o), callOptions),
  unlink: only((o) => world.admin.unlink('x', 'y', o), callOptions),
  delegate: only((o) => world.admin.delegate(key, o), callOptions),
  rotate: row((o) => world.admin.rotate(o), {
    ...{ ...callOptions, authorities: [], recovery: seed, cosigner: seed, signer: seed },
  }),
  checkpoint: only((o) => world.admin.checkpoint(o), callOptions),
  sync: only((o) => world.admin.sync(o), callOptions),
};

describe('an option that a method does not have', () => {
  test('is tried with every method that takes options', () => {
    expect(methodsOf(SessionDevices.prototype)).toEqual(Object.keys(ofDevices).sort());
    const without = ['fingerprint', 'head', 'devices', 'delivery', 'markRead', 'history', 'sent', 'close', 'toJSON'];
    expect(methodsOf(SessionClient.prototype, ...without)).toEqual(Object.keys(ofClient).sort());
    const local = ['list', 'get', 'changes', 'accept', 'propose', 'read', 'sign'];
    expect(methodsOf(Conversations.prototype, ...local)).toEqual(Object.keys(ofConversations).sort());
    expect(methodsOf(Push.prototype)).toEqual(Object.keys(ofPush).sort());
    expect(methodsOf(DirectoryAdmin.prototype, 'devices', 'summary')).toEqual(Object.keys(ofAdmin).sort());
  });

  const rows = Object.entries({
    SessionDevices: ofDevices,
    SessionClient: ofClient,
    Conversations: ofConversations,
    Push: ofPush,
    DirectoryAdmin: ofAdmin,
  });
  test.each(rows.flatMap(([of, some]) => Object.entries(some).map(([name, one]) => [`${of}.${name}`, one] as const)))(
    'is refused by %s, which names the nearest one and knows all of its own',
    (_, one) => expectKnownOptions(one),
  );

  test('is refused by the classes themselves', () => {
    const options = { storage: memoryStorage(), baseURL: 'http://127.0.0.1:1' };
    expect(() => new SessionDevices({ ...options, historydays: 1 } as never)).toThrow('historyDays');
    expect(() => new SessionDevices({ ...options, apiKey: 'x' } as never)).toThrow('no option "apiKey"');
    const admin = { org, authority: new Uint8Array(32), session: true, pins: 1, baseURL: options.baseURL };
    expect(() => new DirectoryAdmin(admin as never)).toThrow('no option "pins"');
  });
});
