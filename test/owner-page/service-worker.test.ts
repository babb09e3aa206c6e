/** The service worker of the owner's page: what it keeps, and what a push notice shows. */
import { runInNewContext } from 'node:vm';
import { build } from 'esbuild';
import { beforeAll, beforeEach, expect, test, vi } from 'vitest';

const origin = 'https://open.example.com';
const page = `${origin}/owner/`;
let code: string;
let listeners: Map<string, (event: object) => void>;
let kept: Map<string, Response>;
let network: (url: string) => Promise<Response>;
const notices: unknown[][] = [];
const focus = vi.fn();
const openWindow = vi.fn();
let windows: object[];

beforeAll(async () => {
  const entryPoints = ['viewer/owner/src/service-worker.ts'];
  const { outputFiles } = await build({ entryPoints, bundle: true, write: false, format: 'iife' });
  code = outputFiles[0]?.text ?? '';
});

beforeEach(() => {
  listeners = new Map();
  kept = new Map();
  network = async (url) => new Response(`new ${new URL(url).pathname}`);
  notices.length = 0;
  windows = [];
  const cache = {
    addAll: async (paths: string[]) => {
      for (const path of paths) kept.set(path, new Response(`kept ${path}`));
    },
    match: async (path: string) => kept.get(path)?.clone(),
    put: async (path: string, answer: Response) => void kept.set(path, answer),
  };
  runInNewContext(code, {
    ...{ URL, AbortSignal, location: { origin } },
    addEventListener: (type: string, listener: (event: object) => void) => listeners.set(type, listener),
    caches: { open: async () => cache },
    clients: { claim: async () => undefined, matchAll: async () => windows, openWindow },
    fetch: (request: { url: string }) => network(request.url),
    registration: { showNotification: async (...notice: unknown[]) => void notices.push(notice) },
    skipWaiting: async () => undefined,
  });
});

const send = async (type: string, more: object = {}): Promise<void> => {
  const work: Promise<unknown>[] = [];
  listeners.get(type)?.({ waitUntil: (one: Promise<unknown>) => work.push(one), ...more });
  expect(work).toHaveLength(1);
  await Promise.all(work);
};

/** The text that the worker answers; undefined if it leaves the request to the browser. */
const answerTo = async (url: string, method = 'GET'): Promise<string | undefined> => {
  let answer: Promise<Response> | undefined;
  const respondWith = (one: Promise<Response>) => {
    answer = one;
  };
  listeners.get('fetch')?.({ request: { url, method }, respondWith });
  return await (await answer)?.text();
};

test('the page comes from the network, and without one as it was last', async () => {
  await send('install');
  expect([...kept.keys()]).toEqual(['/owner/', '/owner/manifest.webmanifest', '/owner/icon.png']);
  expect(await answerTo(page)).toBe('new /owner/');
  network = async () => await Promise.reject(new TypeError('no network'));
  expect(await answerTo(page)).toBe('new /owner/');
  network = async () => new Response('not there', { status: 404 });
  expect(await answerTo(`${page}?x=1`)).toBe('new /owner/');
});

test.each([
  [`${origin}/v1/session/messages`, 'GET'],
  [page, 'POST'],
  [`${origin}/b/x`, 'GET'],
  ['https://other.example.com/owner/', 'GET'],
])('the request %s %s is left to the browser, and nothing of it is kept', async (url, method) => {
  await send('install');
  expect(await answerTo(url, method)).toBeUndefined();
  expect(kept.size).toBe(3);
});

test('a push shows the same notice whatever it contains, and a click opens the page once', async () => {
  for (const data of [undefined, { text: () => 'refund 500' }]) await send('push', { data });
  expect(notices[0]).toEqual(notices[1]);
  expect(notices[0]).toEqual([
    'Something waits for you',
    { body: 'Open Anima to see it.', tag: 'anima', icon: '/owner/icon.png' },
  ]);
  const close = vi.fn();
  await send('notificationclick', { notification: { close } });
  expect(openWindow).toHaveBeenCalledExactlyOnceWith('/owner/');
  windows = [{ focus }];
  await send('notificationclick', { notification: { close } });
  expect([focus.mock.calls.length, openWindow.mock.calls.length, close.mock.calls.length]).toEqual([1, 1, 2]);
});
