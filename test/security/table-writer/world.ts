/** The content of the vault that the writer of the tables attacks, and what was in the tables earlier. */
import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { encodeKeySecret } from '../../../core/api-keys/api-key.ts';
import { formatUserKey } from '../../../core/users/user-key.ts';
import { type LocalConversations, newPhone } from '../../conversations/local-conversations.ts';
import { waitUntilRotated } from '../../rotation/await-rotation.ts';
import type { LocalStack } from '../../shared/local-stack.ts';
import { type Snapshot, Tables } from './tables.ts';
import { OrgBuilder, type OrgWorld } from './world-org.ts';

interface OtherOrg {
  readonly org: string;
  readonly adminKey: string;
  readonly agentKey: string;
}
export interface Sms {
  readonly from: string;
  readonly text: string;
  readonly sid?: string;
}

export interface World {
  /** Two orgs with items of every kind. The items of the first are attacked; the second is a source of swaps. */
  readonly mine: OrgWorld;
  readonly theirs: OrgWorld;
  readonly locked: OtherOrg;
  readonly shredded: OtherOrg;
  /** An SMS that was answered, and the ID of its delivery item. Its provider can deliver it again. */
  readonly delivered: Sms & { readonly sid: string; readonly item: string };
  /** An SMS with a link code that allows no more tries. */
  readonly linking: Sms;
  /** Times between which a few records of the audit are. */
  readonly auditFrom: string;
  readonly auditTo: string;
  /** Earlier states of the tables, oldest first. */
  readonly earlier: readonly Snapshot[];
}

const values = ['prod/a', 'prod/remade', 'other/b'];
/** A value that is never changed, so that what `explain` says of it depends on the records of the API keys only. */
export const unchangedValue = 'prod/unchanged';

async function buildOrg(builder: OrgBuilder, rotate: () => Promise<void>, checkpoint: () => Promise<void>) {
  for (const name of [...values, 'prod/gone']) for (let n = 0; n < 2; n++) await builder.set(name);
  await rotate();
  await builder.set(unchangedValue);
  await builder.createKeys();
  const burned = await builder.createBlobs();
  for (const label of ['user', 'deleted', 'limited', 'taker']) await builder.createAccount(label);
  await builder.createDeviceVault();
  await builder.set('prod/expiring', { expiresAt: '2099-01-01T00:00:00.000Z' });
  for (const name of values) await builder.set(name);
  await checkpoint();
  await builder.set('prod/a');
  await builder.remove('prod/gone');
  await builder.remove('prod/remade');
  for (let n = 0; n < 2; n++) await builder.set('prod/remade');
  await builder.removeDevice();
  await builder.endKeys();
  await builder.endBlobs(burned);
  const { user } = builder.accounts.user ?? {};
  const secret = encodeKeySecret(Buffer.alloc(32, builder.org.charCodeAt(0)));
  await builder.changeAccount('user', formatUserKey({ org: builder.org, user: user ?? '', secret }));
  await builder.deleteAccount('deleted');
  await builder.lockLogin('limited');
}

export async function buildWorld(stack: LocalStack, conversations: LocalConversations): Promise<World> {
  const tables = await Tables.open(stack);
  const earlier: Snapshot[] = [];
  const checkpoint = async () => void earlier.push(await tables.snapshot());
  await conversations.setUp();
  const first = new OrgBuilder(stack, stack.vault);
  const second = new OrgBuilder(stack, await stack.newOrg());
  const [locked, shredded] = [await stack.newOrg(), await stack.newOrg()];
  for (const { agentKey } of [locked, shredded]) await stack.clientOf(agentKey).vault.set('secret', 'secret');
  const rotate = async () => {
    await checkpoint();
    await first.ask(200, 'POST', '/v1/org/rotation', first.adminKey);
    await waitUntilRotated(stack);
  };
  await buildOrg(
    second,
    async () => {},
    async () => {},
  );
  await buildOrg(first, rotate, checkpoint);
  await first.ask(200, 'POST', '/v1/org/shred', locked.adminKey, { confirm: locked.org, waitDays: 7 });
  await first.ask(200, 'POST', '/v1/org/shred', shredded.adminKey, { confirm: shredded.org });
  const delivered = await converse(tables, first, conversations);
  await checkpoint();
  const linking = await exhaustLinkCode(first, conversations);
  const [begin, , end] = [...(await tables.read('AuditTable')).values()].filter(({ org }) => org?.S === first.org);
  const [auditFrom, auditTo] = [begin?.time?.S ?? '', end?.time?.S ?? ''];
  const orgs = { mine: first.build(), theirs: second.build(), locked, shredded };
  return { ...orgs, delivered, linking, auditFrom, auditTo, earlier };
}

/** The user of the first org links a phone and sends a message. */
async function converse(
  tables: Tables,
  first: OrgBuilder,
  conversations: LocalConversations,
): Promise<World['delivered']> {
  const from = newPhone();
  const { json } = await first.ask(200, 'POST', '/v1/account/link', first.accounts.user?.key, {});
  await conversations.say(conversations.sms(from, `link ${json.code}`));
  const before = await tables.read('UserCustodyDeliveriesTable');
  const message = { from, text: 'hello', sid: `SM${randomBytes(16).toString('hex')}` };
  expect(await conversations.say(conversations.sms(from, message.text, message.sid))).toHaveLength(1);
  const after = await tables.read('UserCustodyDeliveriesTable');
  const [added] = [...after].filter(([key]) => !before.has(key));
  return { ...message, item: added?.[1].id?.S ?? expect.fail('no delivery') };
}

/** Tries a link code five times with a wrong end, which is all that a code allows. */
async function exhaustLinkCode(first: OrgBuilder, conversations: LocalConversations): Promise<Sms> {
  const { json } = await first.ask(200, 'POST', '/v1/account/link', first.accounts.user?.key, {});
  const from = newPhone();
  const code: string = json.code;
  const wrong = code.slice(0, -4) + (code.endsWith('0000') ? '1111' : '0000');
  for (let n = 0; n < 5; n++) await conversations.say(conversations.sms(from, `link ${wrong}`));
  return { from, text: `link ${code}` };
}
