/** Runs a function in execution environments that are started on demand and kept warm. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { FunctionSpec } from '../cloudformation/deployment-spec.ts';
import type { Credentials } from '../iam/credential-store.ts';
import { account } from '../shared/aws-account.ts';
import type { EnvironmentPool } from './environment-pool.ts';
import { EnvironmentShare } from './environment-share.ts';
import { ExecutionEnvironment, type InvocationOutcome } from './execution-environment.ts';
import type { Invocable } from './function-directory.ts';

/** The maximum size of an event, and of a result, in a synchronous invocation. Source: Lambda quotas. */
const maxPayloadBytes = 6 * 1024 * 1024;

export interface FunctionHostOptions {
  readonly spec: FunctionSpec;
  /** The environment variables: those of the template and those that Lambda sets. */
  readonly variables: Readonly<Record<string, string>>;
  /**
   * The maximum number of concurrent environments. As in Lambda, an environment handles one event at a time, and a
   * further one is started only if all are busy. Sequential requests therefore use the same warm environment.
   */
  readonly concurrency: number;
  /** Shared by all functions. */
  readonly pool: EnvironmentPool;
  readonly onLine: (line: string) => void;
}

/** The execution environments of one version of a function. */
export class FunctionHost implements Invocable {
  readonly #options: FunctionHostOptions;
  readonly #environments: EnvironmentShare;

  constructor(options: FunctionHostOptions) {
    const { spec, variables, concurrency, pool, onLine } = options;
    this.#options = options;
    this.#environments = new EnvironmentShare(
      pool,
      concurrency,
      () => new ExecutionEnvironment(spec, variables, onLine, pool.isolation),
    );
  }

  get spec(): FunctionSpec {
    return this.#options.spec;
  }

  /** Invokes the function with a JSON event. Never throws: errors are returned as an outcome and logged. */
  async invoke(event: string, invokedArn: string): Promise<InvocationOutcome> {
    if (Buffer.byteLength(event) > maxPayloadBytes) {
      return { ok: false, type: 'RequestEntityTooLargeException', message: 'The event is larger than 6 MB.' };
    }
    const environment = await this.#environments.acquire();
    const outcome = limitResult(await environment.run(event, toLambdaContext(this.#options.spec, invokedArn)));
    this.#environments.release(environment);
    if (!outcome.ok) this.#logFailure(outcome);
    return outcome;
  }

  /** Stops assigning environments. The pool ends the existing ones. */
  close(): void {
    this.#environments.close();
  }

  #logFailure({ type, message, stack }: Exclude<InvocationOutcome, { ok: true }>): void {
    const timestamp = new Date().toISOString();
    this.#options.onLine(JSON.stringify({ timestamp, level: 'ERROR', errorType: type, errorMessage: message, stack }));
  }
}

function limitResult(outcome: InvocationOutcome): InvocationOutcome {
  if (!outcome.ok || Buffer.byteLength(outcome.payload) <= maxPayloadBytes) return outcome;
  return { ok: false, type: 'Function.ResponseSizeTooLarge', message: 'The result is larger than 6 MB.' };
}

const toLambdaContext = (spec: FunctionSpec, invokedArn: string): Record<string, string> => ({
  awsRequestId: randomUUID(),
  functionName: spec.functionName,
  functionVersion: spec.version,
  invokedFunctionArn: invokedArn,
  memoryLimitInMB: String(spec.MemorySize),
  logGroupName: logGroupOf(spec),
  logStreamName: 'local',
});

/** The addresses of the emulated services. S3 has a separate server. */
export interface ServiceUrls {
  readonly signedServices: string;
  readonly s3: string;
}

/**
 * The environment variables of a function: those of the template, and those that Lambda sets (developer guide, "Defined
 * runtime environment variables").
 */
export function functionEnvironmentVariables(
  spec: FunctionSpec,
  credentials: Credentials,
  urls: ServiceUrls,
): Record<string, string> {
  const { LogFormat, ApplicationLogLevel } = spec.LoggingConfig;
  return {
    ...spec.Environment.Variables,
    _HANDLER: spec.Handler,
    AWS_REGION: account.region,
    AWS_DEFAULT_REGION: account.region,
    AWS_EXECUTION_ENV: `AWS_Lambda_${spec.Runtime}`,
    AWS_LAMBDA_FUNCTION_NAME: spec.functionName,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(spec.MemorySize),
    AWS_LAMBDA_FUNCTION_VERSION: spec.version,
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: logGroupOf(spec),
    AWS_LAMBDA_LOG_STREAM_NAME: 'local',
    ...(LogFormat !== undefined && { AWS_LAMBDA_LOG_FORMAT: LogFormat }),
    ...(ApplicationLogLevel !== undefined && { AWS_LAMBDA_LOG_LEVEL: ApplicationLogLevel }),
    LAMBDA_TASK_ROOT: spec.codeFolder,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_ENDPOINT_URL_BACKUP: urls.signedServices,
    AWS_ENDPOINT_URL_DYNAMODB: urls.signedServices,
    AWS_ENDPOINT_URL_KMS: urls.signedServices,
    AWS_ENDPOINT_URL_LAMBDA: urls.signedServices,
    AWS_ENDPOINT_URL_S3: urls.s3,
    AWS_ENDPOINT_URL_SQS: urls.signedServices,
    AWS_ENDPOINT_URL_STS: urls.signedServices,
    // Without these two variables, the SDK would read the developer's AWS profile.
    AWS_CONFIG_FILE: join(spec.codeFolder, '.aws', 'config'),
    AWS_SHARED_CREDENTIALS_FILE: join(spec.codeFolder, '.aws', 'credentials'),
  };
}

const logGroupOf = ({ functionName }: FunctionSpec): string => `/aws/lambda/${functionName}`;
