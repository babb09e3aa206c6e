/** The HTTP protocols of AWS services: how a request names its operation, and how an error is formatted. */
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { ServiceError } from '../shared/errors.ts';

export interface ServiceMessage {
  readonly method: string;
  /** As sent, percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
}

export interface ServiceOperation {
  /** E.g. `GetItem`. */
  readonly action: string;
  readonly input: unknown;
}

export interface WireProtocol {
  readonly contentType: string;
  /** Whether a request is for the service with this protocol. */
  matches(message: ServiceMessage): boolean;
  /** @throws ServiceError if the body does not conform to the protocol */
  parseOperation(message: ServiceMessage, body: Buffer): ServiceOperation;
  formatError(error: ServiceError): {
    readonly status: number;
    readonly body: string;
    readonly headers?: Readonly<Record<string, string>>;
  };
}

/** AWS JSON 1.0 and 1.1 (Smithy specification, "AWS JSON protocol"): the operation is in `X-Amz-Target`. */
export const jsonProtocol = (targetPrefix: string, version: '1.0' | '1.1'): WireProtocol => ({
  contentType: `application/x-amz-json-${version}`,
  matches: (message) => targetHeaderOf(message).startsWith(targetPrefix),
  parseOperation: (message, body) => ({
    action: targetHeaderOf(message).slice(targetPrefix.length),
    input: parseJson(body),
  }),
  formatError: jsonErrorResponse,
});

/** An error response of a JSON service. */
export const jsonErrorResponse = ({ type, message, status }: ServiceError) => ({
  status,
  body: JSON.stringify({ __type: type, message }),
});

/**
 * AWS query (Smithy specification, "AWS query protocol"): the request is a form with `Action`, the response is XML. The
 * input has the form's fields by name; list items are named like `Tags.member.1.Key`.
 */
export const queryProtocol: WireProtocol = {
  contentType: 'text/xml',
  matches: ({ headers }) => headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true,
  parseOperation(_, body) {
    const { Action = '', ...input } = Object.fromEntries(new URLSearchParams(body.toString()));
    return { action: Action, input };
  },
  formatError: ({ type, message, status }) => ({
    status,
    body:
      `<ErrorResponse><Error><Type>${status < 500 ? 'Sender' : 'Receiver'}</Type><Code>${escapeXmlText(type)}</Code>` +
      `<Message>${escapeXmlText(message)}</Message></Error><RequestId>${randomUUID()}</RequestId></ErrorResponse>`,
  }),
};

/** Escapes text for an XML element. */
export const escapeXmlText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const targetHeaderOf = ({ headers }: ServiceMessage): string => String(headers['x-amz-target'] ?? '');

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new ServiceError('SerializationException', 'The body is not JSON.');
  }
}
