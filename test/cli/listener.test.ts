/** The order of things in `anima agent listen` that a test with a vault cannot choose. */
import { expect, test } from 'vitest';
import { Listener } from '../../cli/sessions/listen/listener.ts';
import type { TaskStore } from '../../cli/sessions/listen/task-store.ts';
import type { Shell } from '../../cli/shell/shell.ts';
import type { ReceivedMessage, SessionClient } from '../../sdk/src/session/index.ts';

const settings = {
  ...{ command: ['sh', '-c', 'echo ran'], timeoutMs: 60_000, outputBytes: 1_000, inputBytes: 1_000, parallel: 1 },
  ...{ graceMs: 0, stopWord: '/stop', answersAgents: false, sendsNotes: true, rerunsInterrupted: false },
};

const messageOf = (text: string): ReceivedMessage =>
  ({
    ...{ id: 'a'.repeat(32), conversation: 'c'.repeat(32), type: 'text/plain', time: new Date() },
    ...{ sender: { device: 'd'.repeat(32), person: 'annannannannanna', role: 'owner' }, length: text.length },
    read: async () => new TextEncoder().encode(text),
  }) as unknown as ReceivedMessage;

test('/stop that comes while the start of a command is being stored starts no command', async () => {
  const stored = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<void>();
  const sent: unknown[] = [];
  const client = {
    device: 'e'.repeat(32),
    messages: async function* () {
      yield messageOf('work');
      yield messageOf('/stop');
      stored.resolve();
      await answered.promise;
    },
    markRead: async () => undefined,
    conversations: { get: async () => ({}) },
    send: async (_: string, body: unknown) => {
      sent.push(body instanceof Uint8Array ? new TextDecoder().decode(body) : body);
    },
  } as unknown as SessionClient;
  const store = {
    tasks: async () => [],
    take: async () => 'task/1',
    update: async () => await stored.promise,
    finish: async () => answered.resolve(),
  } as unknown as TaskStore;
  const shell = { note: () => undefined, error: () => undefined, env: process.env } as unknown as Shell;
  await new Listener(shell, client, store, settings).run(new AbortController().signal);
  expect(sent).toEqual(['[agent] Stopped. The output of the command was not sent.']);
});
