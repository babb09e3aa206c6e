/** Registers the service worker. Its address is a constant, and the only script address that the page's policy makes. */
const address = '/owner/service-worker.js';

/** The part of Trusted Types that is used. The types of the project do not have it. */
interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(): string }): { createScriptURL(text: string): string };
}

function trustedAddress(): string {
  const trustedTypes: TrustedTypes | undefined = Reflect.get(globalThis, 'trustedTypes');
  return trustedTypes?.createPolicy('anima-owner', { createScriptURL: () => address }).createScriptURL('') ?? address;
}

/** The page works without it too: a private window can refuse it. */
export async function registerServiceWorker(): Promise<void> {
  if (!('serviceWorker' in navigator)) return;
  await navigator.serviceWorker.register(trustedAddress(), { scope: '/owner/' }).catch(() => undefined);
}
