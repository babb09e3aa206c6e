import type { Principal } from '../iam/credential-store.ts';
import type { WireProtocol } from './wire-protocols.ts';

export type ServiceName = 'backup' | 'dynamodb' | 'execute-api' | 'kms' | 'lambda' | 's3' | 'sqs' | 'sts';

export interface EngineRequest {
  /** E.g. `GetItem`. */
  readonly action: string;
  /** The body, parsed by the service's protocol. */
  readonly input: unknown;
  readonly principal: Principal;
}

export interface EngineReply {
  readonly status: number;
  /** JSON or XML, depending on the service's protocol. */
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An emulated service. `run` throws a ServiceError for a request that the service rejects. */
export interface ServiceEngine {
  readonly service: ServiceName;
  readonly protocol: WireProtocol;
  /** The permissions that IAM evaluates for a call, if they differ from `<service>:<action>` (engine-hooks.ts). */
  permissions?(action: string, input: unknown): readonly { readonly action: string; readonly resource: string }[];
  run(request: EngineRequest): Promise<EngineReply>;
}
