/** Answers a request for a secret: look, show, seal, send. */
import { toBase64 } from '../../../core/encoding/bytes.ts';
import {
  parseSecretFragment,
  parseSecretLinkId,
  type SecretLinkKeys,
} from '../../../core/secret-requests/request-link.ts';
import { computeSecretRequestProof, type SecretRequestPurpose } from '../../../core/secret-requests/request-proof.ts';
import { sealTypedSecret } from '../../../core/secret-requests/sealed-secret.ts';
import { setPurpose, showView, showViewAndWait } from '../page/page-elements.ts';
import { retryUntilSettled } from '../page-request.ts';
import { createRequestApi, InputRefusedError, RequestError } from './request-api.ts';
import { showRequestForm, type TypedAnswer } from './request-form.ts';
import {
  deniedView,
  filledView,
  formTexts,
  loadingView,
  type RequestTrouble,
  requestPurpose,
  requestTroubles,
} from './request-texts.ts';

/**
 * Shows the request of a link and sends the answer of the person. Never rejects: each failure is a state of the page.
 * @param wasLoadedBefore whether the page was loaded with its key before
 */
export async function answerSecretRequest(pathname: string, hash: string, wasLoadedBefore: boolean): Promise<void> {
  setPurpose(requestPurpose.name, requestPurpose.footer);
  try {
    const [, link = ''] = /^\/s\/([^/]+)$/.exec(pathname) ?? [];
    const id = parseSecretLinkId(link);
    if (id === undefined) throw new RequestError('notALink');
    if (hash.length < 2 && wasLoadedBefore) throw new RequestError('reloaded');
    const keys = parseSecretFragment(hash);
    if (keys === undefined) throw new RequestError('noKey');
    if (!(await supportsSealing(keys))) throw new RequestError('oldBrowser');
    await showAndAnswer(link, id, keys);
  } catch (error) {
    showTrouble(error);
  }
}

async function showAndAnswer(link: string, id: { org: string; id: string }, keys: SecretLinkKeys): Promise<void> {
  const api = createRequestApi(link);
  const proofFor = async (purpose: SecretRequestPurpose) =>
    toBase64(await computeSecretRequestProof(keys.secret, id, purpose));
  const [look, fill, deny] = [await proofFor('look'), await proofFor('fill'), await proofFor('deny')];
  keys.secret.fill(0);
  showView(loadingView);
  const request = await retryUntilSettled(
    RequestError,
    () => api.look(look),
    ({ trouble }) => showViewAndWait(requestTroubles[trouble], formTexts.retry),
  );
  // The same bytes are sent again for the same input, so that an answer whose response was lost is recognized.
  let sealedBefore: { readonly typed: string; readonly sealed: string } | undefined;
  const seal = async (answer: TypedAnswer): Promise<string> => {
    const typed = JSON.stringify(answer);
    if (sealedBefore?.typed === typed) return sealedBefore.sealed;
    const sealed = toBase64(await sealTypedSecret(keys.publicKey, { ...request, ...id }, answer));
    sealedBefore = { typed, sealed };
    return sealed;
  };
  showRequestForm(request, {
    send: (answer) =>
      settle(async () => {
        const sealed = await seal(answer);
        await sendAgain(() => api.fill(fill, sealed));
        sealedBefore = undefined;
        showView(filledView);
      }),
    deny: () =>
      settle(async () => {
        await sendAgain(() => api.deny(deny));
        showView(deniedView);
      }),
  });
}

/** Lets the form show what its owner can correct or repeat. Everything else replaces the form. */
async function settle(action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (error instanceof InputRefusedError) throw error;
    if (error instanceof RequestError && error.isTransient) {
      const { title, text } = requestTroubles[error.trouble];
      throw new Error(`${title}. ${text.join(' ')}`);
    }
    showTrouble(error);
  }
}

/** Repeats a request, which is safe for all three. The form offers further attempts by itself. */
const sendAgain = <T>(action: () => Promise<T>): Promise<T> => retryUntilSettled(RequestError, action);

function showTrouble(error: unknown): void {
  const trouble: RequestTrouble = error instanceof RequestError ? error.trouble : 'failed';
  showView(requestTroubles[trouble]);
}

/** Whether the browser has WebCrypto with X25519. WebCrypto requires https. */
async function supportsSealing({ publicKey }: SecretLinkKeys): Promise<boolean> {
  const scope: Partial<typeof globalThis> = globalThis;
  try {
    await scope.crypto?.subtle.importKey('raw', publicKey, { name: 'X25519' }, false, []);
    return scope.crypto?.subtle !== undefined && 'timeout' in AbortSignal;
  } catch {
    return false;
  }
}
