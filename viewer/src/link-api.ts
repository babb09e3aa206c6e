/** The three requests of a link (docs/blobs.md), to the origin of the page itself, and why one may be refused. */
import type { Trouble } from './page/page-texts.ts';

/** Milliseconds after which a request counts as unanswered. */
const requestTimeoutMs = 30_000;

/** A request that was not answered with what was asked for. */
export class LinkError extends Error {
  readonly trouble: Trouble;

  constructor(trouble: Trouble) {
    super(trouble);
    this.name = 'Refusal';
    this.trouble = trouble;
  }

  /** Whether the same request may succeed later. */
  get isTransient(): boolean {
    return this.trouble === 'offline' || this.trouble === 'unavailable';
  }
}

/** Error codes of the service, as states of the page; every other one is `unavailable`. */
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

/** What is known of a link before it is opened. */
export interface LinkInfo {
  /** Bytes of ciphertext. */
  readonly size: number;
  readonly expiresAt: string | undefined;
  /** Openings that are left; undefined without a limit. */
  readonly openingsLeft: number | undefined;
  readonly burn: boolean;
}

/** A link that was opened: where its ciphertext is, for half an hour. */
export interface OpenedLink extends LinkInfo {
  readonly url: string;
}

export interface LinkApi {
  /** Counts as no opening. */
  getInfo(): Promise<LinkInfo>;
  /** Counts as an opening, once however often it is sent under its name. @param proof base64 */
  open(proof: string, opening: string): Promise<OpenedLink>;
  /** Destroys it. @param proof base64 */
  burn(proof: string): Promise<void>;
}

/** The requests of one link; they fail with a {@link LinkError}. @param link the 58 characters of its path */
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

type Answer = Readonly<Record<string, unknown>>;

/** What all requests of the page have in common: nothing is sent along that was not asked for, and nothing is kept. */
export const privateRequestInit = {
  credentials: 'omit',
  referrerPolicy: 'no-referrer',
  cache: 'no-store',
  redirect: 'error',
} as const satisfies RequestInit;

async function request(path: string, body?: object): Promise<Answer> {
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
  const answer = parseJsonObject(text);
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
