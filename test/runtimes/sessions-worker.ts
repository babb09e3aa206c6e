/** Runs in workerd: two persons whose devices are in memory, at the vault that the bindings name. */
import { DirectoryAdmin, memoryStorage, type SessionClient, SessionDevices } from '../../sdk/src/session/index.ts';

interface Bindings {
  readonly org: string;
  readonly apiKey: string;
  readonly baseURL: string;
}

/** Types of the frames that sockets received. */
const frames: string[] = [];

class WatchedSocket extends WebSocket {
  constructor(url: string, protocols: string[]) {
    super(url, protocols);
    this.addEventListener('message', ({ data }) => frames.push(JSON.parse(data).type));
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function enroll(admin: DirectoryAdmin, baseURL: string, person: string): Promise<SessionClient> {
  const invite = await admin.invite({ person, role: 'owner' });
  const devices = new SessionDevices({
    ...{ storage: memoryStorage(), baseURL, webSocket: WatchedSocket, acceptsParticipants: true, maxRetries: 0 },
  });
  const enrolled = devices.enroll({ invite: invite.invite });
  const admitted = async () => {
    while (!(await admin.waiting()).some(({ id }) => id === invite.id)) await pause(50);
    await admin.admit({ invite });
  };
  const [client] = await Promise.all([enrolled, admitted()]);
  return client;
}

/** Reads until there are as many texts. `onText` runs between two of them. */
async function texts(client: SessionClient, count: number, onText: () => Promise<unknown>): Promise<string[]> {
  const found: string[] = [];
  for await (const message of client.messages({ signal: AbortSignal.timeout(60_000) })) {
    found.push(await message.text());
    await message.confirm();
    if (found.length === count) break;
    await onText();
  }
  return found;
}

async function work({ org, apiKey, baseURL }: Bindings) {
  const keys = DirectoryAdmin.newKeys();
  const admin = new DirectoryAdmin({ org, authority: keys.authority, apiKey, baseURL });
  await admin.genesis(keys.recovery);
  const ann = await enroll(admin, baseURL, 'annannannannanna');
  const bob = await enroll(admin, baseURL, 'bobbobbobbobbobb');
  const conversation = await ann.conversations.open({ persons: ['bobbobbobbobbobb'] });
  await ann.send(conversation, 'one');
  // When the socket is ready, the loop reads the mailbox once more. From then on, messages come through the socket.
  const left = ['two', 'three'];
  const bobGot = await texts(bob, 3, async () => {
    while (!frames.includes('ready')) await pause(20);
    await ann.send(conversation, left.shift() ?? '');
  });
  await bob.send(conversation, 'an answer');
  const annGot = await texts(ann, 1, async () => undefined);
  const sent = (await bob.sent(conversation)).map(({ state }) => state);
  await Promise.all([ann.close(), bob.close()]);
  return { annGot, bobGot, sent, frames: [...new Set(frames)], node: [typeof process, typeof Buffer] };
}

export default {
  fetch: async (_: Request, bindings: Bindings): Promise<Response> =>
    await work(bindings).then(
      (result) => Response.json(result),
      (error: unknown) => new Response(String(error instanceof Error ? error.stack : error), { status: 500 }),
    ),
};
