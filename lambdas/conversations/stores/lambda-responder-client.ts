import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import { mapTransientErrors } from '../../shared/stores/aws-error-mapping.ts';
import type { Responder, ResponderRequest } from '../conversation-ports.ts';

/** Error detail for logs. The person receives no reply. */
const unavailableDetail = 'The responder did not answer.';

/** Invokes the responder function. Its errors might quote messages, so they are not passed on. */
export class LambdaResponder implements Responder {
  readonly #client: LambdaClient;
  readonly #functionName: string;

  constructor(client: LambdaClient, functionName: string) {
    this.#client = client;
    this.#functionName = functionName;
  }

  async answer(request: ResponderRequest): Promise<string | undefined> {
    const payload = Buffer.from(JSON.stringify(request));
    const command = new InvokeCommand({ FunctionName: this.#functionName, Payload: payload });
    try {
      const { FunctionError, Payload } = await mapTransientErrors(unavailableDetail, () => this.#client.send(command));
      if (FunctionError !== undefined || Payload === undefined) throw responderUnavailable();
      const text = parseResponderText(Buffer.from(Payload));
      Payload.fill(0);
      return text;
    } finally {
      payload.fill(0);
    }
  }
}

const responderUnavailable = () => new VaultError('unavailable', { detail: unavailableDetail });

/** Parses `{"text": "…"}` or `null`. @throws VaultError `unavailable` for any other response */
function parseResponderText(payload: Buffer): string | undefined {
  const answer = parseJson(payload);
  if (answer === null) return undefined;
  const text = typeof answer === 'object' && answer !== undefined && 'text' in answer ? answer.text : undefined;
  if (typeof text !== 'string') throw responderUnavailable();
  return text === '' ? undefined : text;
}

function parseJson(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8'));
  } catch {
    throw responderUnavailable();
  }
}
