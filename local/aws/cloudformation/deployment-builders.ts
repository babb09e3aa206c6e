/** Joins related resources of a template into the specs that the engines take. */
import { basename } from 'node:path';
import { LocalError } from '../shared/errors.ts';
import type { BucketSpec, EventSourceSpec, QueueSpec, RoleSpec, RouteSpec, ScheduleSpec } from './deployment-spec.ts';
import { type DistributionSpec, toDistributionSpec } from './distribution-spec.ts';
import type { AssemblyReferences } from './references.ts';
import { bucketRules } from './resource-schemas.ts';
import type { FindFunction } from './template-functions.ts';
import type { Resource, ResourceKind } from './template-resources.ts';

export function toRouteSpec(
  route: Resource<'route'>,
  integrations: ReadonlyMap<string, Resource<'integration'>>,
  findFunction: FindFunction,
): RouteSpec {
  const integration = integrations.get(basename(route.Target));
  const target = findFunction(functionArnIn(integration?.IntegrationUri ?? ''));
  if (integration === undefined || target === undefined) {
    throw new LocalError(
      `The route "${route.RouteKey}" does not invoke a function of this template. Nothing was started.`,
    );
  }
  return {
    ...target,
    routeKey: route.RouteKey,
    requiresIam: route.AuthorizationType === 'AWS_IAM',
    integrationTimeout: integration.TimeoutInMillis,
  };
}

/** An integration names the function by its ARN, or by the path of the Lambda API that contains the ARN. */
const functionArnIn = (uri: string): string =>
  /^arn:[^:]+:apigateway:.*\/functions\/(.+)\/invocations$/.exec(uri)?.[1] ?? uri;

/** Undefined for a rule without a schedule. */
export function toScheduleSpec(
  { logicalId, ScheduleExpression, Targets }: Resource<'rule'>,
  findFunction: FindFunction,
): ScheduleSpec | undefined {
  if (ScheduleExpression === undefined) return undefined;
  const targets = Targets.map(({ Arn }) => {
    const target = findFunction(Arn);
    if (target === undefined)
      throw new LocalError(
        `The schedule ${logicalId} does not invoke a function of this template. Nothing was started.`,
      );
    return target;
  });
  return { logicalId, everyMs: Number.parseInt(ScheduleExpression.slice('rate('.length), 10) * 60_000, targets };
}

export function toRoleSpecs(
  roles: readonly Resource<'role'>[],
  policies: readonly Resource<'rolePolicy'>[],
  references: AssemblyReferences,
): RoleSpec[] {
  return roles.map(({ logicalId, AssumeRolePolicyDocument, Policies }) => {
    const name = references.ref(logicalId) ?? '';
    const attached = [...Policies, ...policies.filter(({ Roles }) => Roles.includes(name))];
    return {
      logicalId,
      roleArn: references.attribute(logicalId, 'Arn'),
      trust: AssumeRolePolicyDocument.Statement,
      statements: attached.flatMap(({ PolicyDocument }) => PolicyDocument.Statement),
    };
  });
}

export function toBucketSpecs(
  buckets: readonly Resource<'bucket'>[],
  policies: readonly Resource<'bucketPolicy'>[],
  references: AssemblyReferences,
): BucketSpec[] {
  return buckets.map((bucket) => {
    const bucketName = references.ref(bucket.logicalId) ?? '';
    return {
      logicalId: bucket.logicalId,
      ...bucketRules(bucketName, bucket),
      statements: policies
        .filter(({ Bucket }) => Bucket === bucketName)
        .flatMap(({ PolicyDocument }) => PolicyDocument.Statement),
    };
  });
}

export function toQueueSpecs(
  queues: readonly Resource<'queue'>[],
  policies: readonly Resource<'queuePolicy'>[],
  references: AssemblyReferences,
): QueueSpec[] {
  const named = queues.map((queue) => ({
    ...queue,
    queueName: references.attribute(queue.logicalId, 'QueueName'),
    queueArn: references.attribute(queue.logicalId, 'Arn'),
    statements: policies
      .filter(({ Queues }) => Queues.includes(references.ref(queue.logicalId) ?? ''))
      .flatMap(({ PolicyDocument }) => PolicyDocument.Statement),
  }));
  return named.map((queue) => {
    const { logicalId, RedrivePolicy, FifoQueue } = queue;
    if (RedrivePolicy === undefined) return { ...queue, deadLetters: undefined };
    const target = named.find(({ queueArn }) => queueArn === RedrivePolicy.deadLetterTargetArn);
    if (target === undefined || target.FifoQueue !== FifoQueue) {
      throw new LocalError(
        `The dead-letter queue of ${logicalId} is not a queue of the same type in this template. Nothing was started.`,
      );
    }
    return {
      ...queue,
      deadLetters: { queueName: target.queueName, afterReceives: RedrivePolicy.maxReceiveCount },
    };
  });
}

/** Undefined for a disabled mapping. Throws a LocalError for a mapping that Lambda would reject. */
export function toEventSourceSpec(
  mapping: Resource<'eventSource'>,
  queues: readonly QueueSpec[],
  findFunction: FindFunction,
): EventSourceSpec | undefined {
  const { logicalId, EventSourceArn, FunctionName } = mapping;
  const queue = queues.find(({ queueArn }) => queueArn === EventSourceArn);
  const target = findFunction(FunctionName);
  if (queue === undefined || target === undefined) {
    throw new LocalError(
      `The event source ${logicalId} does not connect a queue and a function of this template. Nothing was started.`,
    );
  }
  const { Timeout } = target.function;
  if (queue.VisibilityTimeout < Timeout) {
    throw new LocalError(
      `The visibility timeout of ${queue.logicalId} (${queue.VisibilityTimeout} s) is shorter than the timeout of ` +
        `${target.function.logicalId} (${Timeout} s), which Lambda rejects. Nothing was started. Increase the visibility timeout.`,
    );
  }
  if (!mapping.Enabled) return undefined;
  return {
    logicalId,
    queue,
    ...target,
    batchSize: mapping.BatchSize,
    reportsFailures: mapping.FunctionResponseTypes.length > 0,
    maxConcurrency: mapping.ScalingConfig?.MaximumConcurrency,
  };
}

export function toDistribution(
  all: <K extends ResourceKind>(kind: K) => readonly Resource<K>[],
  { ref, attribute }: AssemblyReferences,
): DistributionSpec | undefined {
  const distributions = all('distribution');
  if (distributions.length === 0) return undefined;
  const distribution = requireSingle(distributions, 'AWS::CloudFront::Distribution');
  return toDistributionSpec({
    distribution: { ...distribution, domainName: attribute(distribution.logicalId, 'DomainName') },
    functions: all('edgeFunction').map((one) => ({ ...one, arn: attribute(one.logicalId, 'FunctionARN') })),
    policies: all('headersPolicy').map((one) => ({ ...one, id: ref(one.logicalId) ?? '' })),
    originRequestPolicies: all('originRequestPolicy').map((one) => ({ ...one, id: ref(one.logicalId) ?? '' })),
    published: all('publishedObject'),
  });
}

export function requireSingle<T>(resources: readonly T[], type: string): T {
  const [resource] = resources;
  if (resource === undefined || resources.length !== 1) {
    throw new LocalError(
      `This emulator runs exactly one ${type}, but the template has ${resources.length}. Nothing was started.`,
    );
  }
  return resource;
}
