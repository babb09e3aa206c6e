import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { type PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, type Code, Function as LambdaFunction, LoggingFormat, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { functionEnv } from '../contract/environment.ts';
import { handlerEntry } from './handler-code.ts';

type FunctionSetting = (typeof functionEnv)[keyof typeof functionEnv];

interface VaultFunctionProps {
  readonly code: Code;
  readonly stage: string;
  readonly logRetention: RetentionDays;
  readonly description: string;
}

/**
 * The function of one group of routes. Born able to write its own log and nothing else; constructs add to it by
 * `grantX(fn)`. X-Ray stays off: its traces would hold payloads.
 */
export class VaultFunction extends Construct {
  readonly lambda: LambdaFunction;
  readonly role: Role;

  constructor(scope: Construct, id: string, props: VaultFunctionProps) {
    super(scope, id);
    const logGroup = new LogGroup(this, 'Log', {
      retention: props.logRetention,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: props.description,
    });
    logGroup.grantWrite(this.role);
    this.lambda = new LambdaFunction(this, 'Function', {
      description: props.description,
      code: props.code,
      handler: handlerEntry,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      // CPU comes in proportion to memory, and a cold start is nothing but CPU.
      memorySize: 1024,
      timeout: Duration.seconds(15),
      role: this.role,
      logGroup,
      loggingFormat: LoggingFormat.JSON,
    });
    this.set(functionEnv.stage, props.stage);
  }

  /** Adds a permission to the role of this function. */
  allow(statement: PolicyStatement): void {
    this.role.addToPolicy(statement);
  }

  /** Sets a name of contract/environment.ts. Names of resources only: environments are readable in the console. */
  set(name: FunctionSetting, value: string): void {
    this.lambda.addEnvironment(name, value);
  }
}
