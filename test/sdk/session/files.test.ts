/** Files of messages, and long bodies: uploaded once, and verified by every device that reads them. */
import { expect, test } from 'vitest';
import { receivedMessage } from '../../../sdk/src/session/messages/received-message.ts';
import type { ReceivedMessage, TransferProgress } from '../../../sdk/src/session/session-types.ts';
import { ann, fullWorld, type WorldDevice } from './session-world.ts';

async function firstMessage({ client }: WorldDevice): Promise<ReceivedMessage> {
  for await (const message of client.messages()) return message;
  return expect.fail('no message');
}

async function* pieces(...texts: string[]) {
  for (const text of texts) yield new TextEncoder().encode(text);
}

test('a text with files arrives at every device, each file is sealed once, and each is read when it is asked for', async () => {
  const { world, phone, laptop, bobPhone, conversation } = await fullWorld();
  const files = [
    { name: 'a.txt', type: 'text/plain', data: new TextEncoder().encode('bytes') },
    { name: 'b.bin', data: new Blob([new Uint8Array(100_000).fill(3)]) },
    { name: 'c d.txt', type: 'text/plain', data: pieces('a ', 'stream') },
    { name: 'empty', data: new Uint8Array(0) },
  ];
  const progress: TransferProgress[] = [];
  await phone.client.send(conversation, { text: 'see these', files }, { onProgress: (one) => void progress.push(one) });
  expect(world.relay.attachments.size).toBe(4);
  expect(progress.map(({ bytes }) => bytes)).toEqual([0, 5, 100_005, 100_013, 100_013]);
  expect(new Set(progress.map(({ total }) => total))).toEqual(new Set([100_013]));
  for (const device of [laptop, bobPhone]) {
    const message = await firstMessage(device);
    expect(message).toMatchObject({ type: 'text/plain', length: 9 });
    expect(await message.text()).toBe('see these');
    expect(message.files.map(({ name, type, length }) => [name, type, length])).toEqual([
      ['a.txt', 'text/plain', 5],
      ['b.bin', 'application/octet-stream', 100_000],
      ['c d.txt', 'text/plain', 8],
      ['empty', 'application/octet-stream', 0],
    ]);
    expect(new TextDecoder().decode(await message.files[2]?.read())).toBe('a stream');
    expect(await message.files[1]?.read()).toEqual(new Uint8Array(100_000).fill(3));
    expect(await message.files[3]?.read()).toEqual(new Uint8Array(0));
  }
});

test('another file in its place, a changed one and one that is gone are not returned', async () => {
  const { world, phone, bobPhone, conversation } = await fullWorld();
  const one = { name: 'one', data: new TextEncoder().encode('same length') };
  await phone.client.send(conversation, { files: [one, { ...one, name: 'two' }] });
  const message = await firstMessage(bobPhone);
  expect(await message.text()).toBe('');
  const { attachments } = world.relay;
  const [[first = '', ofFirst] = [], [second = '', ofSecond] = []] = attachments;
  attachments.set(first, ofSecond ?? expect.fail());
  await expect(message.files[0]?.read()).rejects.toMatchObject({ code: 'attachment_damaged' });
  attachments.set(first, new Uint8Array([...(ofFirst ?? []), 0]));
  await expect(message.files[0]?.read()).rejects.toMatchObject({ code: 'attachment_damaged' });
  attachments.delete(second);
  await expect(message.files[1]?.read()).rejects.toMatchObject({ code: 'attachment_not_found' });
});

test('nothing is sent for files that cannot be sent', async () => {
  const { world, phone, conversation } = await fullWorld();
  const file = { name: 'a', data: new Uint8Array(1) };
  const invalid = [
    ...['', '..', 'a/b', 'x'.repeat(256)].map((name) => ({ files: [{ ...file, name }] })),
    { files: [{ ...file, type: 'not a type' }] },
    { files: [] },
    { files: Array.from({ length: 9 }, () => file) },
  ];
  for (const body of invalid)
    await expect(phone.client.send(conversation, body)).rejects.toMatchObject({ code: 'invalid_argument' });
  const large = new Uint8Array(16_777_217);
  for (const data of [large, new Blob([large])])
    await expect(phone.client.send(conversation, { files: [{ ...file, data }] })).rejects.toMatchObject({
      code: 'body_too_large',
    });
  const long = { text: 'x'.repeat(4_000), files: [file] };
  await expect(phone.client.send(conversation, long)).rejects.toMatchObject({ code: 'body_too_large' });
  await expect(phone.client.send(conversation, { files: [file] }, { type: 'text/html' })).rejects.toMatchObject({
    code: 'invalid_argument',
  });
  world.relay.fault = (operation) => (operation === 'putAttachment' ? 'lost_request' : undefined);
  await expect(phone.client.send(conversation, { files: [file] })).rejects.toMatchObject({ code: 'connection_failed' });
  expect(await phone.client.sync()).toMatchObject({ queued: 0 });
  expect(world.relay.attachments.size).toBe(0);
});

test('a list of files in another form is a body without files, so that a faulty sender stops nobody', async () => {
  const { phone, bobPhone, conversation } = await fullWorld();
  await phone.client.send(conversation, 'plain');
  const plain = await firstMessage(bobPhone);
  expect(plain.files).toEqual([]);
  const item = {
    ...{ sender: phone.id, person: ann, role: 'owner' as const, id: new Uint8Array(16), place: conversation },
    ...{ counter: 1, isLate: false, isOwn: false, time: 0, at: 0, type: 'anima/files', body: new Uint8Array(9) },
  };
  const context = { own: {}, requests: {} } as Parameters<typeof receivedMessage>[0];
  const message = receivedMessage(
    context,
    item,
    () => ({}) as ReturnType<Parameters<typeof receivedMessage>[2]>,
    async () => undefined,
  );
  expect(message).toMatchObject({ type: 'anima/files', files: [], length: 9 });
  expect(await message.read()).toEqual(new Uint8Array(9));
});
