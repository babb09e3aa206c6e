/** The AWS clients, configured once: a call that hangs must end well before the function does. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';

/**
 * Three attempts of at most two seconds each, so that a write (one read, one write) ends within the function's 15 seconds
 * and its caller is told so.
 */
const limits = {
  maxAttempts: 3,
  requestHandler: { connectionTimeout: 1000, requestTimeout: 2000, throwOnRequestTimeout: true },
};

export const dynamoClient = (): DynamoDBClient => new DynamoDBClient(limits);

export const kmsClient = (): KMSClient => new KMSClient(limits);
