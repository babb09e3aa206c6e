/** The three requests of a link (docs/secret-requests.md, section 3), sent to the origin of the page, and their errors. */
import { type Answer, LinkError, requestJson } from '../link-api.ts';
import { PageRequestError } from '../page-request.ts';
import type { RequestTrouble } from './request-texts.ts';

/** A failed request. */
export class RequestError extends PageRequestError<RequestTrouble> {
  constructor(trouble: RequestTrouble) {
    super('RequestError', trouble);
  }
}

/** The vault refused what was typed. The form stays, and its owner corrects it. */
export class InputRefusedError extends Error {
  static {
    InputRefusedError.prototype.name = 'InputRefusedError';
  }
}

/** Error codes of the service and their page states. All other codes are `unavailable`. */
const troubleByErrorCode: Readonly<Record<string, RequestTrouble>> = {
  secret_request_not_found: 'gone',
  secret_request_filled: 'answered',
  secret_request_denied: 'denied',
  secret_request_expired: 'expired',
  proof_refused: 'changed',
  decryption_failed: 'changed',
  name_taken: 'taken',
  org_locked: 'locked',
  org_shredded: 'gone',
};

/** What the page shows of a request. */
export interface ShownRequest {
  readonly name: string;
  readonly why: string;
  readonly replace: boolean;
  readonly requestedBy: string;
  readonly createdAt: string;
  readonly expiresAt: string;
}

export interface RequestApi {
  look(proof: string): Promise<ShownRequest>;
  fill(proof: string, sealed: string): Promise<void>;
  deny(proof: string): Promise<void>;
}

/** The requests of one link. They reject with a {@link RequestError}. @param link the 32 characters of its path */
export function createRequestApi(link: string): RequestApi {
  const path = `/v1/secret-links/${link}`;
  return {
    look: async (proof) => parseShown(await send(`${path}/look`, { proof })),
    fill: async (proof, sealed) => void (await send(`${path}/filling`, { proof, sealed })),
    deny: async (proof) => void (await send(`${path}/denial`, { proof })),
  };
}

async function send(path: string, body: object): Promise<Answer> {
  const { ok, answer } = await requestJson(path, body).catch((error: unknown) => {
    throw error instanceof LinkError ? new RequestError('offline') : error;
  });
  if (ok) return answer;
  const { code } = answer;
  if (code === 'invalid_request') throw new InputRefusedError(problemText(answer));
  throw new RequestError((typeof code === 'string' && troubleByErrorCode[code]) || 'unavailable');
}

/** The text of the first problem. It names rules and repeats no input. */
function problemText({ errors }: Answer): string {
  const [first]: unknown[] = Array.isArray(errors) ? errors : [];
  const message: unknown = typeof first === 'object' && first !== null ? Reflect.get(first, 'message') : undefined;
  return typeof message === 'string' ? message : 'The vault did not accept the input.';
}

function parseShown({ name, why, replace, requestedBy, createdAt, expiresAt }: Answer): ShownRequest {
  const isComplete =
    typeof name === 'string' &&
    typeof why === 'string' &&
    typeof replace === 'boolean' &&
    typeof requestedBy === 'string' &&
    typeof createdAt === 'string' &&
    typeof expiresAt === 'string';
  if (!isComplete) throw new RequestError('unavailable');
  return { name, why, replace, requestedBy, createdAt, expiresAt };
}
