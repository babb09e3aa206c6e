/** Frames of the WebSocket of session custody, as JSON in text messages (docs/session-service.md, section 8). */
import type { ReceivedMessage } from './wire.ts';

/** The subprotocol that the client offers first, and the service answers. */
export const socketSubprotocol = 'anima.v1';
/** Prefix of the second subprotocol that the client offers; the ticket follows it. */
export const ticketSubprotocolPrefix = 't.';

/** The connection is ready to receive. It can be sent again if no answer came. */
export interface HelloFrame {
  readonly type: 'hello';
}

/** Keeps the connection open. The gateway answers it. */
export interface PingFrame {
  readonly type: 'ping';
}

/** Frames of the client. Frames of another form are ignored. */
export type ClientFrame = HelloFrame | PingFrame;

/** From now on, the service sends a frame for each message that it stores. Older ones are in the mailbox. */
export interface ReadyFrame {
  readonly type: 'ready';
}

/** Answer to `hello`: the service does not know this connection any more. The client opens another one. */
export interface RefusedFrame {
  readonly type: 'refused';
}

export interface PongFrame {
  readonly type: 'pong';
}

/** There are messages in the mailbox. */
export interface WakeFrame {
  readonly type: 'wake';
}

/** A message as the mailbox returns it, where it still is. It can come more than once, and out of order. */
export interface MessageFrame extends ReceivedMessage {
  readonly type: 'message';
}

/** Frames of the service. A client ignores frames of other types: API Gateway has some of its own, without a type. */
export type ServiceFrame = ReadyFrame | RefusedFrame | PongFrame | WakeFrame | MessageFrame;
