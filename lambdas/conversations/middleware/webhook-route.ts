/** Middleware for webhook routes. It passes the request on exactly as the provider signed it. */
import type { ChannelName, WebhookRequest } from '../../channels/channel-ports.ts';
import type { ApiEvent, RouteHandler } from '../../middleware/request-state.ts';
import type { WebhookReceiver } from '../webhook-receiver.ts';

/**
 * Creates the route handler for a channel. A request is audited under the channel's name if its signature is valid and
 * it contains messages. An unsigned request is only logged, because its origin is not proven.
 * @param publicUrl origin of the webhook URLs, without a trailing slash
 */
export const webhookRouteHandler =
  (channel: ChannelName, receiver: WebhookReceiver, publicUrl: string): RouteHandler =>
  async (state) => {
    const org = state.event.pathParameters?.org ?? '';
    const verified = await receiver.verify(org, channel, toWebhookRequest(state.event, publicUrl));
    if (verified.hasMessages) state.actor = { org, principal: channel };
    const { response, messages, reason } = await verified.enqueueMessages();
    if (messages.length > 0) state.auditSubject = messages;
    state.reason = reason;
    return response;
  };

/**
 * API Gateway decodes `rawPath`. It is still the path that the provider signed, because IDs and the route secret
 * contain only characters that need no encoding.
 */
function toWebhookRequest(event: ApiEvent, publicUrl: string): WebhookRequest {
  const { rawPath, rawQueryString, headers, body = '', isBase64Encoded, pathParameters } = event;
  const { method } = event.requestContext.http;
  const secret = pathParameters?.secret;
  return {
    method: method === 'GET' ? 'GET' : 'POST',
    url: publicUrl + rawPath + (rawQueryString === '' ? '' : `?${rawQueryString}`),
    query: definedOnly(event.queryStringParameters),
    headers: definedOnly(headers),
    body: Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'),
    ...(secret === undefined ? {} : { pathSecret: secret }),
  };
}

const definedOnly = (fields: Readonly<Record<string, string | undefined>> = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
