import type { Context } from 'aws-lambda';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import { describeFault, failedDependencyOf, type WriteRequestLog } from '../../middleware/request-log.ts';
import { classifyError } from '../../shared/error-classification.ts';
import { type ChannelCredentialsService, parseCredentialsRequest } from '../channel-credentials-service.ts';

/**
 * A Lambda function without a route. The webhooks and the worker invoke it with `{org, channel}`. It neither logs nor
 * audits successful calls. Any unsigned webhook request triggers this function, so an attacker could otherwise fill the
 * audit of any organization.
 */
export const getChannelCredentials =
  (log: WriteRequestLog, service: ChannelCredentialsService) =>
  async (event: unknown, context: Context): Promise<{ secrets: unknown }> => {
    const started = performance.now();
    const request = parseCredentialsRequest(event);
    try {
      if (request === undefined) throw new VaultError('invalid_request');
      return { secrets: await service.getCredentials(request.org, request.channel) };
    } catch (error) {
      const code = classifyError(error)?.code ?? 'internal';
      log({
        requestId: context.awsRequestId,
        route: 'none',
        status: 500,
        durationMs: Math.round(performance.now() - started),
        code,
        ...(request === undefined ? {} : { org: request.org }),
        ...(code === 'internal' ? { fault: describeFault(error) } : {}),
        ...failedDependencyOf(error),
      });
      // The message of an unexpected error might quote data, so the caller receives only the code.
      throw new VaultError(code);
    }
  };
