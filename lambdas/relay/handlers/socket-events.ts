/**
 * The events of the WebSocket API: `$connect`, `$disconnect`, and every message but the ping. Not HTTP routes. What a
 * client sent is never logged.
 */
import type { Context } from 'aws-lambda';
import { type ServiceFrame, socketSubprotocol } from '../../../contract/sessions/frames.ts';
import { describeFault, failedDependencyOf, type WriteRequestLog } from '../../middleware/request-log.ts';
import { problemResponse } from '../../middleware/responses.ts';
import type { SocketOwner } from '../socket-ports.ts';
import type { SocketService } from '../socket-service.ts';

/** The part of an event that is used. */
export interface SocketEvent {
  readonly requestContext: {
    readonly eventType: 'CONNECT' | 'MESSAGE' | 'DISCONNECT';
    readonly connectionId: string;
    readonly requestId: string;
  };
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface SocketAnswer {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A frame for the client. */
  readonly body?: string;
}

interface Handled {
  readonly owner: SocketOwner | undefined;
  readonly answer: SocketAnswer;
}

export const isSocketEvent = (event: object): event is SocketEvent =>
  'requestContext' in event &&
  typeof event.requestContext === 'object' &&
  event.requestContext !== null &&
  'eventType' in event.requestContext;

const frame = (one: ServiceFrame): string => JSON.stringify(one);

export const handleSocketEvents =
  (log: WriteRequestLog, sockets: SocketService) =>
  async (event: SocketEvent, _context: Context): Promise<SocketAnswer> => {
    const started = performance.now();
    const { requestId, eventType } = event.requestContext;
    const entry = () => ({
      requestId,
      route: eventType.toLowerCase(),
      durationMs: Math.round(performance.now() - started),
    });
    try {
      const { owner, answer } = await handle(sockets, event);
      const who = owner && { org: owner.org, principal: `session:${owner.device}` };
      log({ ...entry(), ...who, status: answer.statusCode });
      return answer;
    } catch (error) {
      // No frame: the client sends `hello` again, or opens another connection.
      const { code, answer } = problemResponse(error, requestId);
      const statusCode = answer.statusCode ?? 500;
      const fault = code === 'internal' ? { fault: describeFault(error) } : {};
      log({ ...entry(), status: statusCode, code, ...fault, ...failedDependencyOf(error) });
      return { statusCode };
    }
  };

async function handle(sockets: SocketService, { requestContext, headers, body }: SocketEvent): Promise<Handled> {
  const { eventType, connectionId } = requestContext;
  if (eventType === 'CONNECT') {
    const owner = await sockets.connect(connectionId, headerOf(headers ?? {}, 'sec-websocket-protocol'));
    if (owner === undefined) return { owner, answer: { statusCode: 401 } };
    return { owner, answer: { statusCode: 200, headers: { 'Sec-WebSocket-Protocol': socketSubprotocol } } };
  }
  if (eventType === 'DISCONNECT') return { owner: await sockets.disconnect(connectionId), answer: { statusCode: 200 } };
  if (!isHello(body ?? '')) return { owner: undefined, answer: { statusCode: 200 } };
  const greeting = await sockets.hello(connectionId);
  return { owner: greeting.owner, answer: { statusCode: 200, body: frame(greeting.frame) } };
}

/** The gateway passes names of headers as the client wrote them. */
const headerOf = (headers: Readonly<Record<string, string>>, name: string): string | undefined =>
  Object.entries(headers).find(([one]) => one.toLowerCase() === name)?.[1];

function isHello(text: string): boolean {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null && 'type' in parsed && parsed.type === 'hello';
  } catch {
    return false;
  }
}
