/**
 * List prices and the assumptions of docs/costs.md. Free tiers, volume tiers and discounts are ignored. Change the date
 * when the prices are checked, then run `npm run costs`.
 */

export const priceDate = 'November 2025';
export const priceRegion = 'us-east-1';

/** USD, with the pages that publish them. */
export const prices = {
  /** https://aws.amazon.com/api-gateway/pricing/ (HTTP APIs, first 300 million) */
  apiRequest: 1.0 / 1e6,
  /** https://aws.amazon.com/lambda/pricing/ (Arm) */
  lambdaRequest: 0.2 / 1e6,
  lambdaGbSecond: 0.0000133334,
  /** https://aws.amazon.com/dynamodb/pricing/on-demand/ (standard table class) */
  readUnit: 0.125 / 1e6,
  writeUnit: 0.625 / 1e6,
  /** https://aws.amazon.com/kms/pricing/ */
  kmsSymmetric: 0.03 / 1e4,
  kmsAsymmetric: 0.15 / 1e4,
  /** https://aws.amazon.com/s3/pricing/ (standard; PUT, COPY, POST, LIST, and GET, HEAD; DELETE is free) */
  s3Write: 0.005 / 1e3,
  s3Read: 0.0004 / 1e3,
  /** https://aws.amazon.com/sqs/pricing/ (FIFO queues) */
  sqsRequest: 0.5 / 1e6,
  /** https://aws.amazon.com/cloudwatch/pricing/ (ingestion, standard log class) */
  logByte: 0.5 / 1e9,
} as const;

/**
 * How long a function is billed. The calls cannot be timed on AWS here, so their latency is assumed, as if they ran one
 * after the other.
 */
export const assumedMs = {
  handler: 2,
  call: { dynamodb: 4, kms: 8, s3: 15, sts: 20, sqs: 10, lambda: 10 },
} as const;

/** Memory of a function in GB (lib/shared/vault-function.ts). */
export const functionGb = 1;

/** CloudWatch Logs adds 26 bytes to each event. */
export const logEventOverhead = 26;
