import { type OutboundLimits, sendOutboundRequest } from '../../../egress/exchange/outbound-http.ts';
import type { OutboundRequest } from '../../../egress/requests/outbound-request.ts';
import type { Upstream } from '../broker-ports.ts';

/** Sends requests from this function's network. */
export class OutboundUpstream implements Upstream {
  send(request: OutboundRequest, limits: OutboundLimits) {
    return sendOutboundRequest(request, limits);
  }
}
