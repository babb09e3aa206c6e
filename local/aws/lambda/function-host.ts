/** Lambda on one machine: every function has environments of its own, made on demand and kept warm. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { FunctionSpec } from '../cloudformation/deployment-spec.ts';
import type { Credentials } from '../iam/credential-store.ts';
import { account } from '../shared/aws-account.ts';
import type { EnvironmentPool } from './environment-pool.ts';
import { EnvironmentShare } from './environment-share.ts';
import { ExecutionEnvironment, type InvocationOutcome } from './execution-environment.ts';

/** Most bytes of an event and of a result in a synchronous invocation. Source: Lambda quotas. */
const maxPayloadBytes = 6 * 1024 * 1024;

export interface FunctionHostOptions {
  readonly spec: FunctionSpec;
  /** What the environment gets: the template's variables and Lambda's own. */
  readonly variables: Readonly<Record<string, string>>;
  /**
   * Most environments at once. Like Lambda, an environment handles one event at a time and a further one is started
   * only when all are busy; so one request after the other always meets the same warm one.
   */
  readonly concurrency: number;
  /** Of the environments of all functions. */
  readonly pool: EnvironmentPool;
  readonly onLine: (line: string) => void;
}

export class FunctionHost {
  readonly #options: FunctionHostOptions;
  readonly #environments: EnvironmentShare;

  constructor(options: FunctionHostOptions) {
    const { spec, variables, concurrency, pool, onLine } = options;
    this.#options = options;
    this.#environments = new EnvironmentShare(
      pool,
      concurrency,
      () => new ExecutionEnvironment(spec, variables, onLine),
    );
  }

  get spec(): FunctionSpec {
    return this.#options.spec;
  }

  /** Invokes the function with an event, as JSON. Never throws: what goes wrong is an outcome, and in the log. */
  async invoke(event: string): Promise<InvocationOutcome> {
    if (Buffer.byteLength(event) > maxPayloadBytes) {
      return { ok: false, type: 'RequestEntityTooLargeException', message: 'The event is over 6 MB.' };
    }
    const environment = await this.#environments.acquire();
    const outcome = limitResult(await environment.run(event, toLambdaContext(this.#options.spec)));
    this.#environments.release(environment);
    if (!outcome.ok) this.#logFailure(outcome);
    return outcome;
  }

  /** Starts no environment any more. Those that there are end with their pool. */
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
  return { ok: false, type: 'Function.ResponseSizeTooLarge', message: 'The result is over 6 MB.' };
}

const toLambdaContext = (spec: FunctionSpec): Record<string, string> => ({
  awsRequestId: randomUUID(),
  functionName: spec.functionName,
  functionVersion: '$LATEST',
  invokedFunctionArn: spec.functionArn,
  memoryLimitInMB: String(spec.MemorySize),
  logGroupName: logGroupOf(spec),
  logStreamName: 'local',
});

/** The addresses of the emulated services. S3 has a separate server. */
export interface ServiceUrls {
  readonly signedServices: string;
  readonly s3: string;
}

/** The environment of a function: the template's variables, and what Lambda sets itself (developer guide, "Defined runtime environment variables"). */
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
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
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
    // At AWS there is no profile of a person to be read; here the SDK would find the developer's own.
    AWS_CONFIG_FILE: join(spec.codeFolder, '.aws', 'config'),
    AWS_SHARED_CREDENTIALS_FILE: join(spec.codeFolder, '.aws', 'credentials'),
  };
}

const logGroupOf = ({ functionName }: FunctionSpec): string => `/aws/lambda/${functionName}`;
