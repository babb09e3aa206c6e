import { Aws, Fn } from 'aws-cdk-lib';

/**
 * A name of a log group that is retained: it ends with a part of the stack's ID, so that a stack that is created again
 * does not collide with the log group of the deleted one.
 */
export const uniqueLogGroupName = (prefix: string): string => `${prefix}-${Fn.select(4, Fn.split('-', Aws.STACK_ID))}`;
