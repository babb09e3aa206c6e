/** The onion of webhooks: what a provider signed, to the byte, and nothing parsed before its signature holds. */
import type { ChannelName, WebhookRequest } from '../../channels/channel-ports.ts';
import type { ApiEvent, RouteHandler } from '../../middleware/request-state.ts';
import type { WebhookReceiver } from '../webhook-receiver.ts';

/**
 * A route for a provider. It is audited, under the name of the channel, from the proof on and if it brings messages: a request that is not
 * signed proves nothing, and is left to the log.
 * @param publicUrl origin under which providers call, without a slash at its end
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

/** `rawPath` is decoded; ids and the one secret in paths are of characters that need no encoding, so it is what the provider signed. */
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
