/** Bounds what a hostile service can make this device hold in memory by one answer. */
import { joinBytes } from '../../../core/encoding/bytes.ts';
import type { ClientSettings, Fetch } from '../shared/client-options.ts';
import { Transport } from './transport.ts';

/** The longest response of a Lambda function, bytes. All pages of the service are below it. */
export const maxAnswerBytes = 6 * 1024 * 1024;

/** Becomes the detail of the error `connection_failed`. */
class AnswerTooLarge extends Error {
  readonly code = 'ANSWER_TOO_LARGE';
}

/** A `fetch` whose responses are read up to {@link maxAnswerBytes}; then the connection is closed. */
const boundedFetch =
  (fetch: Fetch): Fetch =>
  async (url, init) => {
    const response = await fetch(url, init);
    return Object.defineProperty(response, 'text', { value: () => readBounded(response) });
  };

/** For clients that treat the service as hostile. */
export const boundedTransport = (settings: ClientSettings): Transport =>
  new Transport({ ...settings, fetch: boundedFetch(settings.fetch) });

async function readBounded({ body }: Response): Promise<string> {
  const reader = body?.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (let next = await reader?.read(); next?.value !== undefined; next = await reader?.read()) {
    length += next.value.length;
    if (length > maxAnswerBytes) {
      await reader?.cancel().catch(() => undefined);
      throw new AnswerTooLarge();
    }
    chunks.push(next.value);
  }
  return new TextDecoder().decode(joinBytes(chunks));
}
