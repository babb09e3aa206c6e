import type { Context } from 'aws-lambda';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import { describeFault, type WriteRequestLog } from '../../middleware/request-log.ts';
import { classifyError } from '../../shared/error-classification.ts';
import { type ChannelCredentialsService, parseCredentialsRequest } from '../channel-credentials-service.ts';

/**
 * Not a route: webhooks and worker invoke it with `{org, channel}`. It says nothing of what it gives to log or audit: whoever sends an
 * unsigned request to a webhook makes it run, and could else fill the audit of any org.
 */
export const getChannelCredentials =
  (log: WriteRequestLog, secrets: ChannelCredentialsService) =>
  async (event: unknown, context: Context): Promise<{ secrets: unknown }> => {
    const started = performance.now();
    const request = parseCredentialsRequest(event);
    try {
      if (request === undefined) throw new VaultError('invalid_request');
      return { secrets: await secrets.getCredentials(request.org, request.channel) };
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
      });
      // The message of what was not foreseen may quote data, and goes to whoever invoked.
      throw new VaultError(code);
    }
  };
