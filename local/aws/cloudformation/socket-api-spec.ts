/** A WebSocket API in the form that its engine takes. */
import type { ThrottlingSettings } from './socket-resource-schemas.ts';

/** A function, or a constant answer. */
export type SocketIntegration =
  | { readonly kind: 'function'; readonly targetArn: string; readonly timeoutMs: number }
  | { readonly kind: 'mock'; readonly status: number; readonly body: string };

export interface SocketRouteSpec {
  /** `$connect`, `$disconnect`, `$default`, or the value that the selection expression gives. */
  readonly routeKey: string;
  readonly integration: SocketIntegration;
  /** Whether the result of the integration is sent to the client: the route has a route response and selects it. */
  readonly isTwoWay: boolean;
  readonly throttling: ThrottlingSettings;
}

export interface SocketApiSpec {
  readonly apiId: string;
  /** Host name of the API on AWS. */
  readonly hostName: string;
  readonly stageName: string;
  /** Path of the property of a JSON message that selects the route. */
  readonly routeSelection: readonly string[];
  readonly routes: readonly SocketRouteSpec[];
  readonly accessLogFormat: string | undefined;
}
