/** The page that opens links. Its first act takes the key out of the address bar. */
import { parseFragment, parseLink } from '../../core/blobs/share-link.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { Refusal } from './link-api.ts';
import { openLink } from './open-link-flow.ts';
import { setTabIcon } from './page/icons.ts';
import { show } from './page/page-elements.ts';
import { type Trouble, troubles } from './page/page-texts.ts';

const { hash, href, pathname } = location;
const [address] = href.split('#');
history.replaceState(null, '', address);

// Who pastes a link once more into the same tab changes the fragment only, for which browsers load nothing.
addEventListener('hashchange', () => {
  if (location.hash.length > 1) location.reload();
});

setTabIcon();
start().catch((error: unknown) => show(troubles[troubleOf(error)]));

async function start(): Promise<void> {
  const link = /^\/b\/([0-9a-z]+)$/.exec(pathname)?.[1] ?? '';
  const id = parseLink(link);
  if (id === undefined) throw new Refusal('notALink');
  if (!isAble()) throw new Refusal('oldBrowser');
  if (hash.length < 2) throw new Refusal(wasLoadedBefore() ? 'reloaded' : 'noKey');
  const key = parseFragment(hash);
  if (key === undefined) throw new Refusal('incomplete');
  await openLink(link, id, key);
}

function troubleOf(error: unknown): Trouble {
  if (error instanceof Refusal) return error.trouble;
  return error instanceof DecryptionError ? 'damaged' : 'failed';
}

/** Whether the browser has what decryption needs; all else is as old as that. WebCrypto is there for https only. */
function isAble(): boolean {
  const scope: Partial<typeof globalThis> = globalThis;
  return scope.crypto?.subtle !== undefined && 'timeout' in AbortSignal && 'getReader' in ReadableStream.prototype;
}

/** Whether this is a page that had its key before: reloaded, or come back to. */
function wasLoadedBefore(): boolean {
  return performance.getEntriesByType('navigation').some((entry) => {
    const type: unknown = Reflect.get(entry, 'type');
    return type === 'reload' || type === 'back_forward';
  });
}
