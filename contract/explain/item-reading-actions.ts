/**
 * IAM actions that return the content of DynamoDB items. `explain` reports who can read, so the report of policies that
 * it gets contains no action on tables but these.
 */
export const itemReadingActions: readonly string[] = ['GetItem', 'BatchGetItem', 'Query', 'Scan'].map(
  (action) => `dynamodb:${action}`,
);
