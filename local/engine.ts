import type { Principal } from './credentials.ts';

export type ServiceName = 'dynamodb' | 'kms';

export interface EngineRequest {
  /** E.g. `GetItem`. */
  readonly action: string;
  /** The body, parsed. */
  readonly input: unknown;
  readonly principal: Principal;
}

export interface EngineReply {
  readonly status: number;
  /** JSON. */
  readonly body: string;
}

/** A service behind the front. `run` throws ServiceError for what the service refuses. */
export interface Engine {
  readonly service: ServiceName;
  /** What `X-Amz-Target` begins with. */
  readonly targetPrefix: string;
  readonly contentType: string;
  run(request: EngineRequest): Promise<EngineReply>;
}
