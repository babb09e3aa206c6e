/** The page of links: to files, and to requests for a secret. It first removes the key from the address bar. */
import { parseFragmentKey, parseLinkId, parseLinkPath } from '../../core/blobs/share-link.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { LinkError } from './link-api.ts';
import { openLinkAndShowFile } from './open-link-flow.ts';
import { setTabIcon } from './page/icons.ts';
import { showView } from './page/page-elements.ts';
import { type Trouble, troubles } from './page/page-texts.ts';
import { answerSecretRequest } from './secret-requests/answer-flow.ts';

const { hash, href, pathname } = location;
const [address = ''] = href.split('#');
history.replaceState(null, '', address);

// Pasting another link into the same tab changes only the fragment, and browsers do not reload the page for that.
addEventListener('hashchange', () => {
  if (location.hash.length > 1) location.reload();
});

setTabIcon();
const isSecretRequest = pathname.startsWith('/s/');
if (isSecretRequest) void answerSecretRequest(pathname, hash, wasLoadedBefore());
else openLinkFromAddress().catch((error: unknown) => showView(troubles[troubleForError(error)]));

async function openLinkFromAddress(): Promise<void> {
  const link = (/^\/b\/[^/]+$/.test(pathname) && parseLinkPath(address)) || '';
  const id = parseLinkId(link);
  if (id === undefined) throw new LinkError('notALink');
  if (!isBrowserSupported()) throw new LinkError('oldBrowser');
  if (hash.length < 2) throw new LinkError(wasLoadedBefore() ? 'reloaded' : 'noKey');
  const key = parseFragmentKey(hash);
  if (key === undefined) throw new LinkError('incomplete');
  await openLinkAndShowFile(link, id, key);
}

function troubleForError(error: unknown): Trouble {
  if (error instanceof LinkError) return error.trouble;
  return error instanceof DecryptionError ? 'damaged' : 'failed';
}

/**
 * Whether the browser supports decryption. All other required features are at least as old as these. WebCrypto
 * requires https.
 */
function isBrowserSupported(): boolean {
  const scope: Partial<typeof globalThis> = globalThis;
  return scope.crypto?.subtle !== undefined && 'timeout' in AbortSignal && 'getReader' in ReadableStream.prototype;
}

/** Whether this page was loaded with its key before: reloaded, or revisited through the history. */
function wasLoadedBefore(): boolean {
  return performance.getEntriesByType('navigation').some((entry) => {
    const type: unknown = Reflect.get(entry, 'type');
    return type === 'reload' || type === 'back_forward';
  });
}
