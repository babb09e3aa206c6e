import { RemovalPolicy } from 'aws-cdk-lib';

/**
 * Removal policy of everything that holds data or keys: CloudFormation deletes it only if its creation is rolled back,
 * and keeps it if the stack is deleted or the resource is removed or replaced.
 */
export const statefulRemoval = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE;
