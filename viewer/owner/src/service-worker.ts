/**
 * The service worker of the owner's page. It keeps the page for the time without a connection, and shows push notices,
 * which have no content. It has no keys and opens no device: only one program may change a session at a time.
 */
const cacheName = 'anima-owner';
const page = '/owner/';
const kept = [page, '/owner/manifest.webmanifest', '/owner/icon.png'];
/** How long a network is waited for before the stored page is shown, milliseconds. */
const patienceMs = 4_000;

/** The events of a service worker that are used. The types of the project are those of pages. */
interface WorkerEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface FetchEvent extends WorkerEvent {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface NoticeEvent extends WorkerEvent {
  readonly notification: { close(): void };
}
interface WindowClient {
  focus(): Promise<unknown>;
}
interface Worker {
  readonly registration: ServiceWorkerRegistration;
  readonly clients: {
    claim(): Promise<void>;
    matchAll(options: { type: 'window'; includeUncontrolled: boolean }): Promise<readonly WindowClient[]>;
    openWindow(url: string): Promise<unknown>;
  };
  skipWaiting(): Promise<void>;
  addEventListener(type: 'install' | 'activate' | 'push', listener: (event: WorkerEvent) => void): void;
  addEventListener(type: 'fetch', listener: (event: FetchEvent) => void): void;
  addEventListener(type: 'notificationclick', listener: (event: NoticeEvent) => void): void;
}
const worker = globalThis as unknown as Worker;

worker.addEventListener('install', (event) => event.waitUntil(install()));
worker.addEventListener('activate', (event) => event.waitUntil(worker.clients.claim()));
worker.addEventListener('fetch', (event) => {
  const { pathname, origin } = new URL(event.request.url);
  // Requests to the service are those of the page alone: nothing of them is kept here.
  if (event.request.method !== 'GET' || origin !== location.origin || !kept.includes(pathname)) return;
  event.respondWith(newestOf(event.request, pathname));
});
worker.addEventListener('push', (event) => event.waitUntil(showNotice()));
worker.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(showPage());
});

async function install(): Promise<void> {
  const cache = await caches.open(cacheName);
  await cache.addAll(kept);
  await worker.skipWaiting();
}

/** The file from the network, or the stored one if the network fails or is slow. */
async function newestOf(request: Request, pathname: string): Promise<Response> {
  const cache = await caches.open(cacheName);
  const stored = await cache.match(pathname);
  const signal = stored === undefined ? null : AbortSignal.timeout(patienceMs);
  try {
    const fresh = await fetch(request, { signal });
    if (!fresh.ok) return stored ?? fresh;
    await cache.put(pathname, fresh.clone());
    return fresh;
  } catch (error) {
    if (stored !== undefined) return stored;
    throw error;
  }
}

/** Browsers demand a visible notice for each push. A tag makes it one notice. */
const showNotice = (): Promise<void> =>
  worker.registration.showNotification('Something waits for you', {
    body: 'Open Anima to see it.',
    tag: 'anima',
    icon: '/owner/icon.png',
  });

async function showPage(): Promise<void> {
  const [open] = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  await (open === undefined ? worker.clients.openWindow(page) : open.focus());
}
