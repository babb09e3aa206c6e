/**
 * Sends messages to the connections of a WebSocket API, and ends connections. Source: API Gateway developer guide, "Use
 * @connections commands in your backend service"; API model `apigatewaymanagementapi-2018-11-29`.
 */
import { parseEndpoint, requiredRegion, type ServiceLocation } from './service-endpoint.ts';
import { type CallOptions, type ServiceOptions, SignedService } from './signed-service.ts';

export class ConnectionsClient {
  readonly #service: SignedService;
  readonly #basePath: string;

  /** @param url base URL of the management API, `https://<api>.execute-api.<region>.amazonaws.com/<stage>` */
  constructor(url: string, options: Omit<ServiceOptions, 'location'>) {
    const { origin, pathname } = new URL(url);
    const location: ServiceLocation = { ...parseEndpoint(origin), region: requiredRegion() };
    this.#service = new SignedService('execute-api', { ...options, location });
    this.#basePath = pathname.replace(/\/$/, '');
  }

  /**
   * Sends a text message of at most 131,072 bytes. After a lost response it is sent again, so the client may receive it twice.
   * @throws ServiceError `GoneException` (HTTP 410): the connection no longer exists, or `$connect` has not returned yet
   */
  async post(connectionId: string, message: string, options?: CallOptions): Promise<void> {
    await this.#call('PostToConnection', 'POST', connectionId, message, options);
  }

  /** Ends a connection. @throws ServiceError `GoneException`: there is no such connection */
  async delete(connectionId: string, options?: CallOptions): Promise<void> {
    await this.#call('DeleteConnection', 'DELETE', connectionId, '', options);
  }

  async #call(operation: string, method: string, connectionId: string, body: string, options?: CallOptions) {
    const path = `${this.#basePath}/@connections/${encodeURIComponent(connectionId)}`;
    const headers = { 'content-type': 'application/octet-stream' };
    await this.#service.call({ operation, method, path, headers, body }, () => undefined, options);
  }
}
