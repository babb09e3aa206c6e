/** The three requests of a link (docs/blobs.md), sent to the origin of the page, and their errors. */
import type { Trouble } from './page/page-texts.ts';
import { PageRequestError } from './page-request.ts';

/** Time-out of a request, milliseconds. */
const requestTimeoutMs = 30_000;

/** A failed request. */
export class LinkError extends PageRequestError<Trouble> {
  constructor(trouble: Trouble) {
    super('LinkError', trouble);
  }
}

/** Error codes of the service and their page states. All other codes are `unavailable`. */
const troubleByErrorCode: Readonly<Record<string, Trouble>> = {
  proof_refused: 'refused',
  blob_expired: 'expired',
  blob_spent: 'spent',
  blob_deleted: 'deleted',
  blob_not_found: 'gone',
  blob_not_uploaded: 'notReady',
  org_locked: 'locked',
  org_shredded: 'shredded',
};

/** Facts about a link before it is opened. */
export interface LinkInfo {
  /** Ciphertext size, bytes. */
  readonly size: number;
  readonly expiresAt: string | undefined;
  /** Remaining openings; undefined if unlimited. */
  readonly openingsLeft: number | undefined;
  readonly burn: boolean;
}

/** An opened link with its ciphertext URL, which is valid for 30 minutes. */
export interface OpenedLink extends LinkInfo {
  readonly url: string;
}

export interface LinkApi {
  /** Returns facts about the link. Does not count as an opening. */
  getInfo(): Promise<LinkInfo>;
  /** Opens the link. Counts as one opening, even if repeated with the same opening id. @param proof base64 */
  open(proof: string, opening: string): Promise<OpenedLink>;
  /** Destroys the file. @param proof base64 */
  burn(proof: string): Promise<void>;
}

/** The requests of one link. They reject with a {@link LinkError}. @param link the 58 characters of its path */
export function createLinkApi(link: string): LinkApi {
  const path = `/v1/links/${link}`;
  return {
    getInfo: async () => parseLinkInfo(await request(path)),
    open: async (proof, opening) => {
      const answer = await request(`${path}/opening`, { proof, opening });
      if (typeof answer.url !== 'string') throw new LinkError('unavailable');
      return { ...parseLinkInfo(answer), url: answer.url };
    },
    burn: async (proof) => {
      await request(`${path}/burning`, { proof });
    },
  };
}

function parseLinkInfo({ size, expiresAt, openingsLeft, burn }: Answer): LinkInfo {
  if (typeof size !== 'number' || typeof burn !== 'boolean') throw new LinkError('unavailable');
  return {
    size,
    burn,
    expiresAt: typeof expiresAt === 'string' ? expiresAt : undefined,
    openingsLeft: typeof openingsLeft === 'number' ? openingsLeft : undefined,
  };
}

export type Answer = Readonly<Record<string, unknown>>;

/** Options of all requests of the page: no credentials or referrer, no cache, and no redirects. */
export const privateRequestInit = {
  credentials: 'omit',
  referrerPolicy: 'no-referrer',
  cache: 'no-store',
  redirect: 'error',
} as const satisfies RequestInit;

/**
 * Sends a request to the origin of the page. Resolves to the JSON of the response, also of a refusal.
 * @throws LinkError `offline` if there was no response
 */
export async function requestJson(path: string, body?: object): Promise<{ ok: boolean; answer: Answer }> {
  const sent: RequestInit =
    body === undefined
      ? {}
      : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const { ok, text } = await fetch(path, {
    ...privateRequestInit,
    ...sent,
    signal: AbortSignal.timeout(requestTimeoutMs),
  })
    .then(async (response) => ({ ok: response.ok, text: await response.text() }))
    .catch(() => {
      throw new LinkError('offline');
    });
  return { ok, answer: parseJsonObject(text) };
}

async function request(path: string, body?: object): Promise<Answer> {
  const { ok, answer } = await requestJson(path, body);
  if (!ok) throw new LinkError((typeof answer.code === 'string' && troubleByErrorCode[answer.code]) || 'unavailable');
  return answer;
}

function parseJsonObject(text: string): Answer {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
