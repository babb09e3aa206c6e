/** Watching questions: a wake of the socket ends the pause between two looks, and looks go on without a socket. */
import { expect, test } from 'vitest';
import type { Bytes } from '../../../core/encoding/bytes.ts';
import type { ApprovalParts } from '../../../sdk/src/session/approvals/approval-parts.ts';
import { ApprovalQuestions } from '../../../sdk/src/session/approvals/approval-questions.ts';
import type { WatchOptions } from '../../../sdk/src/session/approvals/approval-types.ts';
import type { Bell } from '../../../sdk/src/session/live/nap.ts';
import { ApprovalWorld } from '../../approvals/approval-world.ts';
import { FakeClock } from './fake-clock.ts';
import { liveWorld, loopsWithSockets, reading, second } from './live-world.ts';

/** The phone of an approval world, whose clock only the test moves, while it watches. */
async function watchingPhone(options: WatchOptions = {}) {
  const world = await ApprovalWorld.create();
  const clock = new FakeClock();
  clock.time = world.now;
  clock.isManual = true;
  const listed: { approval: string; question: Bytes }[] = [];
  const looks: number[] = [];
  const list = async () => {
    looks.push(clock.time);
    return [...listed];
  };
  const state = { time: 1, isPublished: true };
  const bells = new Set<Bell>();
  const context = {
    own: { org: world.org, device: { id: world.phone.id }, ik: world.phone.ik },
    directory: { state: world.directory.state, isForked: false, compare: world.relationOf },
    store: { bytes: async () => Uint8Array.from(world.phone.secret), item: async () => state },
    requests: { approvals: { list } },
    ...{ clock, bells, notify: () => {} },
  };
  const engine = { context, follow: async () => {}, exclusive: (work: () => unknown) => work() };
  const settings = ({ signal }: WatchOptions) => ({ signal });
  const device = new ApprovalQuestions({ engine, settings, suspend: async () => {} } as unknown as ApprovalParts);
  const seen: string[] = [];
  /** What the application does with each question. */
  const work = { wait: async () => {} };
  const watch = async () => {
    for await (const { id } of device.watch(options)) {
      seen.push(id);
      await work.wait();
    }
  };
  const ended = watch().catch(({ code }) => code);
  await clock.settle(1);
  /** The broker asks. @returns id of the question */
  const ask = async (): Promise<string> => {
    const { id } = await world.ask();
    const question = world.store.questions.get(`${world.phone.id}/${id}`)?.question ?? expect.fail('no question');
    listed.push({ approval: id, question: question as Bytes });
    return id;
  };
  return { clock, bells, looks, seen, ended, ask, work };
}

const ringAll = (bells: ReadonlySet<Bell>) => {
  for (const bell of bells) bell.ring();
};

test('a wake shows a question at once, without any time', async () => {
  const { clock, bells, seen, ask } = await watchingPhone({ interval: 3_600 * second });
  const id = await ask();
  const before = clock.time;
  await clock.settle(1);
  expect(seen).toEqual([]);
  ringAll(bells);
  await clock.settle(1);
  expect([seen, clock.time]).toEqual([[id], before]);
});

test('without a wake the questions are looked at every five seconds, and shown once', async () => {
  const { clock, seen, ask } = await watchingPhone();
  const id = await ask();
  await clock.advance(4_999, 1);
  expect(seen).toEqual([]);
  await clock.advance(1, 1);
  expect(seen).toEqual([id]);
  await clock.advance(60 * second, 1);
  expect(seen).toEqual([id]);
});

test('a wake that comes while the application works on a question is not lost', async () => {
  const { clock, bells, looks, ask, work } = await watchingPhone({ interval: 3_600 * second });
  await ask();
  const done = Promise.withResolvers<void>();
  work.wait = () => done.promise;
  ringAll(bells);
  await clock.settle(0);
  expect(looks).toHaveLength(2);
  ringAll(bells);
  done.resolve();
  await clock.settle(1);
  expect(looks).toHaveLength(3);
});

test('the end of the watch leaves no bell behind', async () => {
  const controller = new AbortController();
  const { bells, ended } = await watchingPhone({ signal: controller.signal });
  expect(bells.size).toBe(1);
  controller.abort();
  expect(await ended).toBe('aborted');
  expect(bells.size).toBe(0);
});

/** Looks of Bob's phone at its questions. */
const looksOf = ({ world, bobPhone }: Awaited<ReturnType<typeof liveWorld>>): number[] => {
  const looks: number[] = [];
  world.relay.fault = (operation, device) => {
    if (operation === 'listApprovals' && device === bobPhone.id) looks.push(world.clock.time);
    return undefined;
  };
  return looks;
};

test('the socket that `messages` keeps wakes it: by the frame `wake`, when it becomes ready, and not by a message', async () => {
  const live = await liveWorld();
  const { clock, sockets, bobPhone, phone, conversation } = live;
  const looks = looksOf(live);
  const controller = new AbortController();
  const watch = bobPhone.client.approvals.watch({ interval: 3_600 * second, signal: controller.signal });
  const next = watch.next().catch(({ code }) => code);
  await clock.settle(1);
  expect(looks).toHaveLength(1);
  const loops = loopsWithSockets + 1;
  const bobReads = reading(bobPhone);
  await clock.settle(loops);
  expect(looks).toHaveLength(2);
  sockets.all[0]?.frame({ type: 'wake' });
  await clock.settle(loops);
  expect(looks).toHaveLength(3);
  sockets.all[0]?.frame({ type: 'pong' });
  await phone.client.send(conversation, 'a small message');
  await clock.settle(loops);
  expect(looks).toHaveLength(3);
  await bobReads.end();
  controller.abort();
  expect(await next).toBe('aborted');
});

test('a device without sockets looks by time alone', async () => {
  const live = await liveWorld({ webSocket: false });
  const looks = looksOf(live);
  const controller = new AbortController();
  const next = live.bobPhone.client.approvals.watch({ signal: controller.signal }).next();
  next.catch(() => undefined);
  const bobReads = reading(live.bobPhone);
  await live.clock.settle(2);
  await live.clock.advance(20 * second, 2);
  expect(looks).toHaveLength(5);
  await bobReads.end();
  controller.abort();
  await expect(next).rejects.toMatchObject({ code: 'aborted' });
});
