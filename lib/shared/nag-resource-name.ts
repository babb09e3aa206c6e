import { Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * How cdk-nag writes the ARN of a resource in the ID of a finding on `consumer`: as a reference within one stack, and
 * as the name of the export if the resource is in another stack.
 */
export const nagResourceName = (resource: IConstruct, resourceArn: string, consumer: IConstruct): string => {
  const producer = Stack.of(resource);
  if (producer === Stack.of(consumer)) return `<${producer.resolve(resourceArn)['Fn::GetAtt'].join('.')}>`;
  return producer.resolve(producer.exportValue(resourceArn))['Fn::ImportValue'];
};
