/** Random runs with sockets that break, frames that are lost, sleeps and restarts. */
import { expect, test } from 'vitest';
import { type FakeSocket, messageFrame } from './fake-sockets.ts';
import { liveWorld, loopsWithSockets as loops, minute, type Reading, reading, second, textsOf } from './live-world.ts';
import { org } from './session-world.ts';

/** Small deterministic numbers. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** One thing that happens to the connection or the device, by chance. */
type Event = (run: LiveRun) => Promise<void>;

class LiveRun {
  readonly random: () => number;
  readonly live: Awaited<ReturnType<typeof liveWorld>>;
  readonly sent: string[] = [];
  readonly got: string[] = [];
  current: Reading;

  constructor(live: Awaited<ReturnType<typeof liveWorld>>, random: () => number) {
    this.live = live;
    this.random = random;
    this.current = reading(live.bobPhone);
  }

  upTo(longest: number): number {
    return Math.floor(this.random() * longest);
  }
}

const send: Event = async ({ sent, live: { phone, conversation } }) => {
  sent.push(`number ${sent.length}`);
  await phone.client.send(conversation, `number ${sent.length - 1}`);
};

const eachSocket = ({ live: { sockets, bobPhone } }: LiveRun, change: (socket: FakeSocket) => void): void => {
  for (const socket of sockets.of(bobPhone.id)) change(socket);
};

const events: readonly Event[] = [
  ...Array.from({ length: 9 }, () => send),
  async (run) => eachSocket(run, (socket) => socket.drop()),
  async (run) =>
    eachSocket(run, (socket) => {
      socket.isDead = true;
    }),
  async ({ live: { sockets } }) => {
    sockets.isDown = !sockets.isDown;
  },
  async (run) => await run.live.clock.sleep(run.upTo(60 * minute), loops),
  async ({ live: { clock } }) => clock.wake(),
  async (run) => await run.live.clock.advance(run.upTo(20 * minute), loops),
  // A restart.
  async (run) => {
    const { bobPhone } = run.live;
    await run.current.end();
    run.got.push(...textsOf(run.current));
    await bobPhone.client.close();
    bobPhone.client = await bobPhone.sessions.open({ org });
    run.current = reading(bobPhone);
  },
];

test.each([1, 2, 3])(
  'every message is given once and in order, whatever happens to the connection (%i)',
  async (seed) => {
    const random = numbers(seed);
    const live = await liveWorld();
    const { world, clock, sockets, bobPhone } = live;
    sockets.onFrame = (message) =>
      random() < 0.2 ? undefined : random() < 0.2 ? { type: 'wake' } : messageFrame(message);
    const run = new LiveRun(live, random);
    for (let round = 0; round < 60; round++) {
      await clock.settle(loops);
      await events[run.upTo(events.length)]?.(run);
      await clock.advance(run.upTo(20 * second), loops);
    }
    sockets.isDown = false;
    // Without an answer to a ping, a dead socket is replaced.
    await clock.advance(20 * minute, loops);
    await run.current.end();
    expect([...run.got, ...textsOf(run.current)]).toEqual(run.sent);
    expect(run.sent.length).toBeGreaterThan(20);
    const kinds = new Set(bobPhone.notices.map(({ kind }) => kind));
    expect([...kinds].filter((kind) => kind !== 'participants_changed')).toEqual([]);
    expect(world.relay.mailbox(bobPhone.id).messages.size).toBe(0);
  },
);
