/** Files of messages, messages that fail, limits of answers, and hints to senders who are not accepted. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { limits } from '../../contract/shared/limits.ts';
import { openMedia } from '../../core/messages/media-object.ts';
import type { InboundMedia, Notice } from '../../lambdas/channels/channel-ports.ts';
import type { ResponderRequest } from '../../lambdas/conversations/conversation-ports.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import { ada, fakeWebhook, InMemoryConversations, message } from './in-memory-conversations.ts';

const picture: InboundMedia = { kind: 'image', type: 'image/png', content: { ref: { id: 'p1' } } };
const attached = (bytes: Buffer, name = 'a.pdf'): InboundMedia => ({ kind: 'file', name, content: { bytes } });

/** A deployment whose provider has one file. */
const withFile = (bytes = randomBytes(50)) => {
  const world = new InMemoryConversations();
  world.fetchMedia = async () => ({ bytes: Buffer.from(bytes), type: 'image/png' });
  return { world, bytes };
};
const lastRequest = (world: InMemoryConversations): ResponderRequest => world.responderRequests.at(-1) ?? expect.fail();
/** Decrypts the files that the responder was offered. */
const openFiles = (world: InMemoryConversations, media: ResponderRequest['message']['media'] = []) =>
  media.map(({ id, key, url }) => {
    const object = world.objects.get(url.replace('https://objects.example/', '')) ?? expect.fail(url);
    return openMedia(world.org, id, key, object);
  });

describe('a message with files', () => {
  test('is stored with them, encrypted, and the responder can open them, also later in the history', async () => {
    const { world, bytes } = withFile();
    expect(await world.say('whatsapp', ada.tel, '', { media: [picture] })).toEqual(['You said: [image]']);
    const { media } = lastRequest(world).message;
    expect(media).toMatchObject([{ kind: 'image', type: 'image/png', bytes: 50 }]);
    expect(openFiles(world, media)).toEqual([bytes]);
    expect([...world.objects.keys()]).toEqual([`${world.user().user}/${media?.[0]?.id}`]);
    expect(Buffer.concat([...world.objects.values()]).includes(bytes)).toBe(false);
    await world.say('whatsapp', ada.tel, 'What is in it?');
    expect(openFiles(world, lastRequest(world).history[0]?.media)).toEqual([bytes]);
  });

  test('keeps its text and subject', async () => {
    const { world } = withFile();
    await world.say('mailgun', 'mailto:ada@example.com', 'Look', {
      media: [picture],
      subject: 'Whale',
      original: 'Look\n> x',
    });
    expect(lastRequest(world).message).toMatchObject({ text: 'Look', subject: 'Whale' });
    expect(JSON.stringify(lastRequest(world))).not.toContain('> x');
  });

  test('names what was not kept, and keeps the rest', async () => {
    const { world } = withFile();
    world.fetchMedia = async ({ id }) =>
      id === 'p1' ? { bytes: Buffer.from('ok'), type: undefined } : { refusal: 'too-large' };
    const refused = (refusal: 'unavailable' | 'elsewhere'): InboundMedia => ({ kind: 'audio', content: { refusal } });
    const big: InboundMedia = { ...picture, content: { ref: { id: 'p2' } } };
    const media = [big, { ...big, name: 'b.png' }, picture, refused('unavailable'), refused('elsewhere')];
    await world.say('slack', ada.slack, 'Look', { media });
    expect(lastRequest(world).message.text.split('\n')).toEqual([
      'Look',
      '[image, not kept: too large]',
      '[image "b.png", not kept: too large]',
      '[audio, not kept: the provider did not deliver it]',
      '[audio, not kept: it is stored elsewhere]',
    ]);
    expect(lastRequest(world).message.media).toHaveLength(1);
  });

  test('has at most ten files and a total size; the provider is told the limit', async () => {
    const { world } = withFile();
    const allowed: number[] = [];
    world.fetchMedia = async (_, maxBytes) => {
      allowed.push(maxBytes);
      return { bytes: Buffer.alloc(Math.min(maxBytes, limits.mediaBytes)), type: undefined };
    };
    await world.say('slack', ada.slack, '', { media: Array.from({ length: 12 }, () => picture) });
    expect(allowed).toHaveLength(limits.mediaPerMessage);
    expect(allowed.slice(0, 3)).toEqual([limits.mediaBytes, limits.mediaBytes, 0]);
    expect(lastRequest(world).message.text.match(/not kept: too many files/g)).toHaveLength(2);
  });

  test('that came with the request is encrypted there, and its key is only in the job', async () => {
    const world = new InMemoryConversations();
    const bytes = randomBytes(40);
    await world.receive('sendgrid', message('mailto:ada@example.com', '', { media: [attached(bytes)] }));
    expect([...world.objects.keys()]).toEqual([expect.stringMatching(/^received\//)]);
    expect(Buffer.concat([...world.objects.values()]).includes(bytes)).toBe(false);
    await world.workAll();
    expect([...world.objects.keys()]).toEqual([expect.stringMatching(new RegExp(`^${world.user().user}/`))]);
    expect(openFiles(world, lastRequest(world).message.media)).toEqual([bytes]);
    expect(lastRequest(world).message.text).toBe('[file "a.pdf"]');
  });

  test('is kept once, whichever call of the worker fails', async () => {
    const media = [picture, attached(Buffer.from('attached'))];
    const clean = withFile().world;
    await clean.receive('slack', message(ada.slack, 'Look', { media }));
    clean.calls.length = 0;
    await clean.workAll();
    const calls = clean.calls.filter((call) => /^(?:s3|db|kms|secrets)/.test(call)).length;
    expect(calls).toBeGreaterThan(10);
    for (let nth = 0; nth < calls; nth++)
      for (const fault of ['lost', 'refused'] as const) {
        const { world, bytes } = withFile();
        await world.receive('slack', message(ada.slack, 'Look', { media }));
        let at = 0;
        world.fault = (_, when) => {
          if ((when === 'before') !== (fault === 'refused')) return undefined;
          return at++ === nth ? fault : undefined;
        };
        await world.workOne().catch(() => {});
        world.fault = () => undefined;
        await world.workAll();
        const { media: kept, text } = lastRequest(world).message;
        expect([text, openFiles(world, kept)], `${fault} ${nth}`).toEqual(['Look', [bytes, Buffer.from('attached')]]);
        expect(world.sent.length).toBeGreaterThanOrEqual(1);
      }
  });

  test('leaves no file when its user is deleted, before or while it is stored', async () => {
    const { world } = withFile();
    await world.say('twilio', ada.tel, '', { media: [picture] });
    expect(world.objects.size).toBe(1);
    await world.end('twilio', ada.tel);
    await world.workAll();
    expect(world.objects.size).toBe(0);

    const other = withFile().world;
    await other.say('twilio', ada.tel, 'Hi');
    const { user } = other.user();
    await other.receive('twilio', message(ada.tel, '', { media: [picture] }));
    other.fetchMedia = async () => {
      await other.instance().deleting.delete({ org: other.org, user }, []);
      return { bytes: Buffer.from('late'), type: undefined };
    };
    const [job] = other.queue;
    expect(await other.workOne()).toMatchObject({ reason: 'user_deleted' });
    expect(job).toBeDefined();
    expect(other.objects.size).toBe(0);
  });
});

describe('a message without content', () => {
  test('is not handed on: its sender gets a hint, and the request a reason', async () => {
    const world = new InMemoryConversations();
    const result = await world.receive('slack', message(ada.slack, ' \n'));
    expect(result).toMatchObject({ messages: [], reason: 'message_unsupported' });
    await world.workAll();
    expect(world.responderRequests).toEqual([]);
    expect(world.sent.map(({ text }) => text)).toEqual([expect.stringContaining('cannot be read here')]);
  });

  test('but with a subject is that subject, also as a command', async () => {
    const world = new InMemoryConversations();
    expect(await world.say('mailgun', 'mailto:ada@example.com', '', { subject: 'Please call' })).toEqual([
      'You said: Please call',
    ]);
    expect(await world.say('mailgun', 'mailto:ada@example.com', '', { subject: 'unlink' })).toEqual([
      expect.stringContaining('only way to open'),
    ]);
  });
});

describe('one failing message', () => {
  test('does not silence those after it: later attempts leave out what had no answer, then all history', async () => {
    const world = new InMemoryConversations();
    await world.say('twilio', ada.tel, 'First');
    const answer = world.respond;
    world.respond = async (request) => {
      if (JSON.stringify(request).includes('poison')) throw new Error('cannot handle this');
      return await answer?.(request);
    };
    await world.receive('twilio', message(ada.tel, 'poison'));
    for (const attempt of [1, 2, 3]) await expect(world.workOne(true, attempt)).rejects.toThrow();
    expect(world.sent.at(-1)?.text).toContain('could not be answered');
    world.queue.length = 0;
    world.time.now = new Date(world.time.now.getTime() + 1_000);
    await world.receive('twilio', message(ada.tel, 'Next'));
    await expect(world.workOne(true, 1)).rejects.toThrow();
    await world.workOne(true, 2);
    expect(lastRequest(world).history.map(({ text }) => text)).toEqual(['First', 'You said: First']);
    expect(world.sent.at(-1)?.text).toBe('You said: Next');
    world.time.now = new Date(world.time.now.getTime() + 1_000);
    await world.receive('twilio', message(ada.tel, 'Last'));
    await world.workOne(true, 3);
    expect(lastRequest(world).history).toEqual([]);
  });

  test('of a delivery is sent again alone: the others are enqueued', async () => {
    const world = new InMemoryConversations();
    const [first, second] = [message(ada.tel, 'One'), message('tel:+447700900124', 'Two')];
    let failing = true;
    world.fault = (action) => (action === 'kms:routing' && failing ? 'refused' : undefined);
    const proven = await world
      .instance()
      .receiving.verify(world.org, 'twilio', fakeWebhook({ messages: [first, second] }));
    let calls = 0;
    world.fault = (action, when) =>
      action === 'kms:routing' && when === 'before' && calls++ === 0 ? 'refused' : undefined;
    expect(await errorCodeOf(proven.enqueueMessages())).toBe('unavailable');
    expect(world.queue).toHaveLength(1);
    failing = false;
    world.fault = () => undefined;
    await world.receive('twilio', first, second);
    await world.workAll();
    expect(world.sent.map(({ text }) => text).sort()).toEqual(['You said: One', 'You said: Two']);
  });
});

describe('a delivery with several IDs', () => {
  test('is handled once if any of them is known, in any order', async () => {
    for (const [firstIds, secondIds] of [
      [['a', 'b'], ['b']],
      [['b'], ['a', 'b']],
      [
        ['a', 'b'],
        ['b', 'a'],
      ],
      [['a'], ['b', 'c', 'a']],
    ] as const) {
      const world = new InMemoryConversations();
      for (const [deliveryId, ...furtherIds] of [firstIds, secondIds])
        await world.receive('mailgun', message('mailto:ada@example.com', 'Hi', { deliveryId, furtherIds }));
      await world.workAll();
      expect(world.sent, `${firstIds} ${secondIds}`).toHaveLength(1);
    }
  });
});

describe('answers to one sender', () => {
  test('are limited per hour: further messages are stored, the sender is told once, and others are answered', async () => {
    const world = new InMemoryConversations();
    for (let sent = 0; sent < limits.answersPerHour; sent++) await world.say('twilio', ada.tel, `m${sent}`);
    expect(world.sent).toHaveLength(limits.answersPerHour);
    expect(await world.say('twilio', ada.tel, 'one more')).toEqual([expect.stringContaining('very many messages')]);
    expect(await world.say('twilio', ada.tel, 'and more')).toEqual([]);
    expect(await world.say('twilio', ada.tel, 'link')).toEqual([]);
    expect(await world.say('slack', ada.slack, 'Hi')).toEqual(['You said: Hi']);
    await world.receive('twilio', message(ada.tel, 'stored'));
    expect(await world.workOne()).toMatchObject({ reason: 'answers_limited' });
    expect([...world.records.keys()].filter((id) => !id.endsWith('-r'))).toHaveLength(limits.answersPerHour + 4);
  });

  test('are not counted for a deletion with its code', async () => {
    const world = new InMemoryConversations();
    await world.say('twilio', ada.tel, 'Hi');
    const [asked = ''] = await world.say('twilio', ada.tel, 'delete my account');
    for (let sent = 0; sent <= limits.answersPerHour; sent++) await world.say('twilio', ada.tel, `m${sent}`);
    const command = /delete my account [0-9A-Z]{6}$/.exec(asked)?.[0] ?? expect.fail(asked);
    expect(await world.say('twilio', ada.tel, command)).toEqual([expect.stringContaining('Your account is deleted')]);
  });
});

describe('a keyword of the carrier', () => {
  test('is stored, and answered by the carrier alone', async () => {
    const world = new InMemoryConversations();
    await world.receive('twilio', message(ada.tel, 'STOP', { carrierKeyword: 'stop' }));
    expect(await world.workOne()).toMatchObject({ reason: 'carrier_keyword' });
    expect([world.sent, world.responderRequests]).toEqual([[], []]);
    expect(world.records.size).toBe(1);
  });
});

describe('a hint', () => {
  const hint: Notice = { kind: 'sender-unverified', sender: 'mailto:eve@evil.example', replyTo: { to: 'eve' } };
  const receive = async (world: InMemoryConversations, notices: readonly Notice[]) => {
    const reading = { kind: 'nothing', reason: 'sender_unverified', notices } as const;
    const verified = await world.instance().receiving.verify(world.org, 'mailgun', fakeWebhook({ reading }));
    expect(verified.hasMessages).toBe(false);
    return await verified.enqueueMessages();
  };

  test('is sent once per sender, kind and day; nothing is stored and nobody becomes a user', async () => {
    const world = new InMemoryConversations();
    for (let times = 0; times < 3; times++) expect((await receive(world, [hint])).reason).toBe('sender_unverified');
    await world.workAll();
    expect(world.sent.map(({ to }) => to)).toEqual(['eve']);
    expect([world.keyrings.size, world.records.size, world.audits.length]).toEqual([0, 0, 0]);
    await receive(world, [
      { ...hint, kind: 'message-unsupported' },
      { ...hint, sender: 'mailto:ada@example.com' },
    ]);
    world.time.now = new Date(world.time.now.getTime() + 86_400_000);
    await receive(world, [hint]);
    await world.workAll();
    expect(world.sent).toHaveLength(4);
  });

  test('lies in the queue encrypted, and its failed sending is repeated like any other', async () => {
    const world = new InMemoryConversations();
    await receive(world, [hint]);
    expect(JSON.stringify(world.queue)).not.toContain('evil.example');
    world.deliver = () => 'unknown';
    await expect(world.workOne()).rejects.toThrow();
    world.deliver = () => 'sent';
    await world.workOne();
    expect(world.sent).toHaveLength(1);
  });
});
