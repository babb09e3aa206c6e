/** Two channels of one person: linking, unlinking, and the use of link codes. */
import { describe, expect, test } from 'vitest';
import { limits } from '../../contract/shared/limits.ts';
import { parseLinkCode } from '../../core/users/confirmation-codes.ts';
import { parseChatCommand } from '../../lambdas/conversations/chat-command-parser.ts';
import { unlockByIdentity } from '../../lambdas/users/identity-user-service.ts';
import { decryptMessage } from '../../lambdas/users/user-record-encryption.ts';
import { ada, InMemoryConversations, message } from './in-memory-conversations.ts';

/** The number of stored messages that an identity can decrypt with the worker's code. */
async function openedBy(world: InMemoryConversations, identity: string): Promise<number> {
  const { identities } = world.instance();
  const key = await identities.deriveKey(world.org, identity);
  const { user = '' } = world.locators.get(key.locator) ?? {};
  const owner = { org: world.org, user };
  const read = await world.reader.read(owner, []);
  const opened = unlockByIdentity(key, owner, read, world.time.now);
  if (opened === undefined) return 0;
  return [...world.records.values()].filter((record) => decryptMessage(opened.umk, record).text.length > 0).length;
}

const codeIn = (texts: readonly string[]): string => /link (\S+)/.exec(texts.join())?.[1] ?? expect.fail(texts.join());

describe('two linked channels', () => {
  test('open each other: 1,000 messages from either, with both', async () => {
    const world = new InMemoryConversations();
    world.limitsAnswers = false;
    await world.say('twilio', ada.tel, 'First');
    await world.link();
    for (let n = 0; n < 500; n++) {
      await world.say('twilio', ada.tel, `Text ${n}`);
      await world.say('slack', ada.slack, `Slack ${n}`);
    }
    expect(world.records.size).toBe(2002);
    expect(await openedBy(world, ada.tel)).toBe(2002);
    expect(await openedBy(world, ada.slack)).toBe(2002);
    expect(await openedBy(world, 'tel:+447700900124')).toBe(0);
    expect(new Set(world.responderRequests.at(-1)?.history.map(({ channel }) => channel))).toEqual(
      new Set(['twilio', 'slack']),
    );
  });

  test('re-encrypt nothing when they are linked', async () => {
    const world = new InMemoryConversations();
    await world.say('twilio', ada.tel, 'First');
    const before = structuredClone([...world.records]);
    await world.link();
    expect([...world.records]).toEqual(before);
  });

  test('leave the other when one is unlinked; what that one says next begins a new conversation', async () => {
    const world = new InMemoryConversations();
    await world.say('twilio', ada.tel, 'First');
    await world.link();
    expect(await world.say('slack', ada.slack, 'UnLink ')).toEqual([expect.stringContaining('no longer linked')]);
    expect(await openedBy(world, ada.slack)).toBe(0);
    expect(await openedBy(world, ada.tel)).toBe(2);
    await world.say('slack', ada.slack, 'Who am I?');
    expect(world.responderRequests.at(-1)?.history).toEqual([]);
    await world.say('twilio', ada.tel, 'And I?');
    expect(world.responderRequests.at(-1)?.history.map(({ text }) => text)).toEqual(['First', 'You said: First']);
  });

  test('cannot both be unlinked: the last one stays', async () => {
    const world = new InMemoryConversations();
    await world.say('twilio', ada.tel, 'First');
    expect(await world.say('twilio', ada.tel, 'unlink')).toEqual([expect.stringContaining('it was not unlinked')]);
    expect(await openedBy(world, ada.tel)).toBe(2);
    expect(await world.say('slack', ada.slack, 'unlink')).toEqual([expect.stringContaining('no account')]);
  });
});

describe('a code', () => {
  test('is not stored, not logged, not told to the responder, and neither is the message that carries it', async () => {
    const world = new InMemoryConversations();
    const code = codeIn(await world.say('twilio', ada.tel, 'link'));
    await world.say('slack', ada.slack, `link ${code}`);
    expect(world.records.size).toBe(0);
    expect(world.responderRequests).toEqual([]);
    const forms = new RegExp(`${code}|${code.replaceAll('-', '')}`, 'i');
    expect(JSON.stringify([[...world.keyrings], [...world.locators], [...world.deliveries], world.audits])).not.toMatch(
      forms,
    );
    expect(world.audits.map(({ verb }) => verb)).toEqual(['account.write', 'account.write']);
  });

  test('works once: of two that send it at the same time exactly one is linked', async () => {
    for (let round = 0; round < 30; round++) {
      const world = new InMemoryConversations();
      const code = codeIn(await world.say('twilio', ada.tel, 'link'));
      await world.receive('slack', message(ada.slack, `link ${code}`));
      await world.receive('whatsapp', message('whatsapp:+15550001111', `link ${code}`));
      const jobs = world.queue.splice(0);
      await Promise.all(
        jobs.map(({ body }) =>
          world.instance().working.processMessage({ body, messageId: 'm', attempt: 1, remainingMs: () => 60_000 }),
        ),
      );
      expect(world.sent.slice(-2).filter(({ text }) => text.startsWith('Linked.'))).toHaveLength(1);
      expect(Object.values(world.user().slots)).toHaveLength(2);
    }
  });

  test('works no more when it was used, replaced by another, or is ten minutes old', async () => {
    const world = new InMemoryConversations();
    const old = codeIn(await world.say('twilio', ada.tel, 'link'));
    const code = codeIn(await world.say('twilio', ada.tel, 'link'));
    expect(await world.say('slack', ada.slack, `link ${old}`)).toEqual([expect.stringContaining('does not work')]);
    expect(await world.say('slack', ada.slack, `link ${code}`)).toEqual([expect.stringContaining('Linked')]);
    expect(await world.say('whatsapp', 'whatsapp:+15550001111', `link ${code}`)).toEqual([
      expect.stringContaining('does not work'),
    ]);
    const late = codeIn(await world.say('twilio', ada.tel, 'link'));
    world.time.now = new Date(world.time.now.getTime() + limits.linkCodeSeconds * 1000);
    expect(await world.say('whatsapp', 'whatsapp:+15550001111', `link ${late}`)).toEqual([
      expect.stringContaining('does not work'),
    ]);
    expect(Object.values(world.user().slots).filter(({ kind }) => kind === 'identity')).toHaveLength(2);
  });

  test('works no more after five guesses at it, and guesses make no user', async () => {
    const world = new InMemoryConversations();
    const code = codeIn(await world.say('twilio', ada.tel, 'link'));
    const last = code.at(-1) === '0' ? '1' : '0';
    for (let guess = 0; guess < limits.linkCodeAttempts; guess++) {
      expect(await world.say('slack', ada.slack, `link ${code.slice(0, -1)}${last}`)).toEqual([
        expect.stringContaining('does not work'),
      ]);
    }
    expect(await world.say('slack', ada.slack, `link ${code}`)).toEqual([expect.stringContaining('does not work')]);
    expect(await openedBy(world, ada.slack)).toBe(0);
    expect(world.keyrings.size).toBe(1);
  });

  test('does not take over a channel that has a conversation of its own', async () => {
    const world = new InMemoryConversations();
    await world.say('slack', ada.slack, 'Mine');
    const code = codeIn(await world.say('twilio', ada.tel, 'link'));
    expect(await world.say('slack', ada.slack, `link ${code}`)).toEqual([expect.stringContaining('already')]);
    expect(await openedBy(world, ada.slack)).toBe(2);
  });

  test('that a mail carries with a signature below is taken, and does not come into the conversation', async () => {
    const world = new InMemoryConversations();
    const code = codeIn(await world.say('twilio', ada.tel, 'link'));
    const mail = `Link ${code.replaceAll('-', '–')}.\r\n\r\nAda\r\nSent from my telephone`;
    expect(await world.say('mailgun', 'mailto:ada@example.com', mail)).toEqual([expect.stringContaining('Linked')]);
    expect([world.records.size, world.responderRequests.length]).toEqual([0, 0]);
    const unlink = 'Unlink.\r\n\r\nOn Monday the vault wrote:\r\n> Linked.';
    expect(await world.say('sendgrid', 'mailto:ada@example.com', unlink)).toEqual([
      expect.stringContaining('no longer linked'),
    ]);
  });

  test('is neither given nor taken where others read along', async () => {
    const world = new InMemoryConversations();
    const shared = { shared: true };
    expect(await world.say('slack', ada.slack, 'link', shared)).toEqual([expect.stringContaining('Others can read')]);
    const code = codeIn(await world.say('twilio', ada.tel, 'link'));
    expect(await world.say('slack', ada.slack, `link ${code}`, shared)).toEqual([
      expect.stringContaining('Others can read'),
    ]);
    expect(await openedBy(world, ada.slack)).toBe(0);
  });

  test('whose job comes again after it worked says that the channel is linked already', async () => {
    const world = new InMemoryConversations();
    const code = codeIn(await world.say('twilio', ada.tel, 'link'));
    world.deliver = () => 'unknown';
    await world.receive('slack', message(ada.slack, `link ${code}`));
    await expect(world.workOne()).rejects.toThrow();
    world.deliver = () => 'sent';
    await world.workOne();
    expect(world.sent.at(-1)?.text).toContain('belongs to a conversation already');
    expect(Object.values(world.user().slots)).toHaveLength(2);
  });
});

describe('what is a command', () => {
  const redeem = (code: string) => ({ kind: 'redeem', code });

  test('is the whole message, in any case, with white space, quotes and closing punctuation around', () => {
    expect(parseChatCommand(' LINK\n')).toEqual({ kind: 'start-link' });
    expect(parseChatCommand('“Link”.')).toEqual({ kind: 'start-link' });
    expect(parseChatCommand('Unlink!')).toEqual({ kind: 'unlink' });
    for (const text of [
      'delete  my account',
      'Delete my account NOW',
      'Delete my account.',
      'delete my account please',
    ])
      expect(parseChatCommand(text), text).toEqual({ kind: 'ask-delete' });
    for (const text of ['delete my account 7H3K9Q', 'Delete my account: 7h3k9q.', 'delete my account "7H3 K9Q"'])
      expect(parseChatCommand(text)?.kind, text).toBe('delete');
    // A mistyped code deletes nothing and is not stored in the conversation.
    expect(parseChatCommand('delete my account 7H3K9')?.kind).toBe('delete');
    expect(parseChatCommand('Link 7H3K-9QWE-RTY2')).toEqual(redeem('7h3k-9qwe-rty2'));
  });

  test.each([
    'link 7h3k9qwerty2',
    'link 7h3k 9qwe rty2',
    'link 7H3K–9QWE–RTY2',
    'link 7H3K—9QWE‑RTY2',
    'link 7H3K−9QWE\u2010RTY2',
    'link 7H3K\u00ad-9QWE\u200b-RTY2',
    'ｌｉｎｋ　７Ｈ３Ｋ－９ＱＷＥ－ＲＴＹ２',
    'link 7H3K-9QWE-RTY2.',
    'Link: 7H3K-9QWE-RTY2',
    'link - "7H3K-9QWE-RTY2"!',
    'link 7H3K-9QWE-RTY2\n\nSent from my iPhone',
    'link\n7H3K-9QWE-RTY2\n',
    'Link this please: 7H3K-9QWE-RTY2, thank you',
    'link ABCD-EFGH-JKMN and so on',
    '7H3K-9QWE-RTY2',
  ])('with a code in it is never a message for the conversation: %s', (text) => {
    // In an email, a first line with only "link" is a command by itself.
    for (const mail of text.startsWith('link\n') ? [false] : [false, true]) {
      const found = parseChatCommand(text, mail);
      expect(found?.kind).toBe('redeem');
      const code = found?.kind === 'redeem' ? parseLinkCode(found.code) : undefined;
      expect(['7h3k9qwerty2', 'abcdefghjkmn']).toContain(code);
    }
  });

  test('with a mistyped code in it is none either', () => {
    for (const text of ['link 7H3K-9QWE-RTY', 'link 7H3K-9QWE-RTY22', 'link 7H3K9QWERTY', 'link 7H3K 9QWE'])
      expect(parseChatCommand(text)?.kind, text).toBe('redeem');
  });

  test('is in a mail what its own first line says: signatures and quotations follow it', () => {
    const quoted =
      '\r\n\r\nOn Monday the vault wrote:\r\n> This destroys … delete my account 7H3K9Q\r\n> link 7H3K-9QWE-RTY2';
    expect(parseChatCommand(`\r\nUnlink.${quoted}`, true)).toEqual({ kind: 'unlink' });
    expect(parseChatCommand(`> Hello\n> you\n\nlink${quoted}`, true)).toEqual({ kind: 'start-link' });
    expect(parseChatCommand(`delete my account${quoted}`, true)).toEqual({ kind: 'ask-delete' });
    expect(parseChatCommand(`delete my account 7h3k9q${quoted}`, true)).toEqual({ kind: 'delete', code: '7h3k9q' });
    expect(parseChatCommand(`Hello,${quoted}`, true)).toBeUndefined();
    // A code is recognized whatever text follows it. Text below a command is not part of the command.
    for (const code of ['7H3K-9QWE-RTY2', '"7h3k–9qwe–rty2".'])
      expect(parseChatCommand(`${code}\r\n\r\nAda${quoted}`, true)?.kind, code).toBe('redeem');
    for (const signature of [
      '0207-1234-5678',
      '0207 1234 5678',
      '44 7700 900123',
      'Call 020712345678',
      'B2B3-C4D5-E6F7',
    ])
      expect(parseChatCommand(`Link\r\n\r\nAda\r\n${signature}`, true), signature).toEqual({ kind: 'start-link' });
    expect(parseChatCommand('Link this, please:\n\n7H3K-9QWE-RTY2\n\nAda', true)).toEqual(redeem('7h3k-9qwe-rty2'));
    for (const signature of ['0207-1234-5678', '020712345678'])
      expect(parseChatCommand(`Link me to your manager\n\nAda\n${signature}`, true), signature).toBeUndefined();
    // Other channels have no such quotations, so text that continues after a command is an ordinary message.
    expect(parseChatCommand(`unlink\n\nis a funny word`)).toBeUndefined();
    expect(parseChatCommand(`delete my account 7h3k9q\nis what you said`)).toBeUndefined();
  });

  test('is nothing else', () => {
    for (const text of [
      '',
      'links',
      'link?',
      'unlink?',
      'link me to your manager',
      'link 3 files please',
      'link this with that one',
      'take-that-easy',
      'please unlink',
      'delete',
      'delete my account data',
      'delete my account history with you',
      'link https://example.com/a',
      'link https://example.com/7H3K-9QWE-RTY2',
      'I said: link',
      `${'x'.repeat(300)} link 7H3K-9QWE-RTY2`,
    ])
      for (const mail of [false, true]) expect(parseChatCommand(text, mail), text).toBeUndefined();
  });

  test('is found in the longest text without delay that grows with its square', () => {
    const cost = (length: number) => {
      const texts = [' ', '.', 'link ', '-', '7h3k ', '\n', '“'].map((part) => part.repeat(length / part.length));
      const started = performance.now();
      for (const text of texts) for (const mail of [false, true]) parseChatCommand(`link ${text}x`, mail);
      return performance.now() - started;
    };
    cost(1_000);
    // For 64 times the length, a linear algorithm takes 64 times as long and a quadratic one 4,096 times.
    expect(cost(limits.messageBytes * 4)).toBeLessThan(1_000 * Math.max(cost(limits.messageBytes / 16), 0.5));
  });
});
