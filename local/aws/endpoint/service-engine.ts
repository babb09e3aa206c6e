import type { Principal } from '../iam/credential-store.ts';
import type { WireProtocol } from './wire-protocols.ts';

export type ServiceName = 'backup' | 'dynamodb' | 'kms' | 'lambda' | 's3' | 'sqs' | 'sts';

export interface EngineRequest {
  /** E.g. `GetItem`. */
  readonly action: string;
  /** The body, parsed by the service's protocol. */
  readonly input: unknown;
  readonly principal: Principal;
}

export interface EngineReply {
  readonly status: number;
  /** As the service's protocol has it: JSON or XML. */
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A service behind the front. `run` throws ServiceError for what the service refuses. */
export interface ServiceEngine {
  readonly service: ServiceName;
  readonly protocol: WireProtocol;
  /** What IAM judges of a call, where that is not `<service>:<action>` alone (hooks.ts). */
  permissions?(action: string, input: unknown): readonly { readonly action: string; readonly resource: string }[];
  run(request: EngineRequest): Promise<EngineReply>;
}
