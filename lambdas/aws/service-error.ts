/** Errors of AWS calls, in the form of the AWS SDK's errors (lambdas/shared/stores/aws-error-mapping.ts). */
import type { HttpReply } from './http-exchange.ts';

/** Errors that are the service's fault, whatever their status (models of the AWS SDK, trait `error`). */
const serverFaults = new Set([
  'DependencyTimeoutException',
  'InternalServerError',
  'KeyUnavailableException',
  'KMSInternalException',
]);

export class ServiceError extends Error {
  override readonly name: string;
  readonly $fault: 'client' | 'server';
  /** Without a status if there was no complete response. */
  readonly $metadata: { readonly httpStatusCode?: number };

  /**
   * @param operation e.g. `dynamodb GetItem`. The service's own message is not part of the error, because it can quote
   *   the request.
   */
  constructor(name: string, operation: string, status?: number) {
    super(`${operation}: ${name}${status === undefined ? '' : ` (HTTP ${status})`}`);
    this.name = name;
    this.$fault = (status !== undefined && status >= 500) || serverFaults.has(name) ? 'server' : 'client';
    this.$metadata = status === undefined ? {} : { httpStatusCode: status };
  }
}

/** The error of a response with a status other than 2xx. */
export const toServiceError = (operation: string, reply: HttpReply): ServiceError =>
  new ServiceError(errorNameOf(reply), operation, reply.status);

/**
 * The error code of a response: in JSON `__type` or `code`, or the header `x-amzn-errortype` (Smithy specification,
 * "AWS JSON 1.0 protocol", "Operation error serialization"); in XML the element `Code`.
 */
function errorNameOf({ headers, body }: HttpReply): string {
  const text = body.toString();
  if (text.startsWith('<')) return /<Code>([^<]+)<\/Code>/.exec(text)?.[1] ?? 'Unknown';
  const { __type: type, code } = parseObject(text);
  const name = [type, code, headers['x-amzn-errortype']].find((one) => typeof one === 'string');
  // The name may have a namespace before it and a URL after it: `com.amazonaws.kms#NotFoundException:http://…`.
  return String(name ?? 'Unknown')
    .replace(/[,:].*$/s, '')
    .replace(/^.*#/, '');
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {};
  } catch {
    return {};
  }
}
