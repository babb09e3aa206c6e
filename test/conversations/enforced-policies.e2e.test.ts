/** A conversation from its first message to its end while the synthesized policies are enforced on every call. */
import { beforeAll, expect, test } from 'vitest';
import type { WebhookRequest } from '../../local/vault/signed-webhooks.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { createPolicyAuthorizer, type PolicyAuthorizer } from '../shared/policy-authorizer.ts';
import { LocalConversations, newMember, newPhone } from './local-conversations.ts';

const stack = useLocalStack({ timeScale: 0.002 });
let authorizer: PolicyAuthorizer;
beforeAll(() => {
  authorizer = createPolicyAuthorizer(stack.vault);
  stack.vault.setHooks(authorizer);
});

test('with the policies enforced, messages, linking, unlinking and deletion work, and nothing is denied', async () => {
  const talks = new LocalConversations(stack);
  await talks.setUp();
  const [phone, member] = [newPhone(), newMember()];
  const text = async (...deliveries: readonly WebhookRequest[]) => (await talks.say(...deliveries)).at(-1)?.text;
  expect(await text(talks.sms(phone, 'Hello'))).toContain('message 1 of');
  const code = /link (\S+)/.exec((await text(talks.sms(phone, 'link'))) ?? '')?.[1];
  expect(await text(talks.slack(member, `link ${code}`))).toContain('Linked');
  expect(await text(talks.slack(member, 'Again'))).toContain('message 2 of');
  expect(await text(talks.slack(member, 'unlink'))).toContain('no longer linked');
  const end = /delete my account (\S+)/.exec((await text(talks.sms(phone, 'delete my account'))) ?? '')?.[1];
  expect(await text(talks.sms(phone, `delete my account ${end}`))).toContain('is deleted');
  expect(await text(talks.sms(phone, 'Hello?'))).toContain('message 1 of');
  expect(authorizer.denials).toEqual([]);
  for (const action of ['sqs:SendMessage', 'kms:GenerateMac', 'kms:Decrypt', 'sts:AssumeRole'])
    expect(authorizer.allowed.get(action), action).toBeGreaterThan(0);
});
