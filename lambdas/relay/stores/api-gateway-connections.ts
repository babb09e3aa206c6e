import type { ConnectionsClient } from '../../aws/connections-client.ts';
import type { ConnectionGateway, Delivery } from '../socket-ports.ts';

/** All attempts of one frame together, milliseconds. */
const timeoutMs = 3000;

const isGone = (error: unknown): boolean => error instanceof Error && error.name === 'GoneException';

export class ApiGatewayConnections implements ConnectionGateway {
  readonly #client: ConnectionsClient;

  constructor(client: ConnectionsClient) {
    this.#client = client;
  }

  async post(connection: string, frame: string): Promise<Delivery> {
    try {
      await this.#client.post(connection, frame, { timeoutMs });
      return 'sent';
    } catch (error) {
      return isGone(error) ? 'gone' : 'failed';
    }
  }

  async close(connection: string): Promise<void> {
    try {
      await this.#client.delete(connection, { timeoutMs });
    } catch {
      // It is gone, or ends by itself within two hours and gets no frame until then.
    }
  }
}
