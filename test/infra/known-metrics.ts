import type { UsedMetric } from './alarm-metrics.ts';

/**
 * The metrics of AWS that alarms and the dashboard may use, with the dimensions by which AWS writes them. Copied by
 * hand from the documentation, so that a misspelt name fails a test: CloudWatch accepts any name and stays silent.
 */
const knownMetrics: Readonly<Record<string, readonly { names: readonly string[]; dimensions: string }[]>> = {
  // Lambda developer guide, "Types of metrics for Lambda functions" and "Monitoring durable functions".
  'AWS/Lambda': [
    {
      names: [
        'DeadLetterErrors',
        'DurableExecutionFailed',
        'DurableExecutionStopped',
        'DurableExecutionTimedOut',
        'Duration',
        'Errors',
        'Invocations',
        'Throttles',
      ],
      dimensions: 'FunctionName',
    },
  ],
  // API Gateway developer guide, "Monitor CloudWatch metrics for HTTP APIs".
  'AWS/ApiGateway': [{ names: ['4xx', '5xx', 'Count', 'Latency'], dimensions: 'ApiId' }],
  // SQS developer guide, "Available CloudWatch metrics for Amazon SQS".
  'AWS/SQS': [
    { names: ['ApproximateAgeOfOldestMessage', 'ApproximateNumberOfMessagesVisible'], dimensions: 'QueueName' },
  ],
  // EventBridge user guide, "Monitoring Amazon EventBridge": RuleName alone means the default event bus.
  'AWS/Events': [{ names: ['TriggeredRules'], dimensions: 'RuleName' }],
  // DynamoDB developer guide, "DynamoDB metrics and dimensions".
  'AWS/DynamoDB': [
    {
      names: ['ConsumedReadCapacityUnits', 'ConsumedWriteCapacityUnits', 'ReadThrottleEvents', 'WriteThrottleEvents'],
      dimensions: 'TableName',
    },
  ],
  // CloudWatch Logs user guide, "Monitoring with CloudWatch metrics".
  'AWS/Logs': [{ names: ['IncomingBytes'], dimensions: 'LogGroupName' }],
  // CloudWatch user guide, "AWS usage metrics". The resources of KMS are those of its quotas.
  'AWS/Usage': [{ names: ['CallCount'], dimensions: 'Class Resource Service Type' }],
};

export const isKnownMetric = ({ namespace, name, dimensions }: UsedMetric): boolean => {
  const names = dimensions.map(([dimension]) => dimension).sort();
  return (knownMetrics[namespace] ?? []).some(
    (known) => known.names.includes(name) && known.dimensions === names.join(' '),
  );
};
