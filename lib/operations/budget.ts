import { Aws } from 'aws-cdk-lib';
import { CfnBudget } from 'aws-cdk-lib/aws-budgets';
import { Construct } from 'constructs';
import { deploymentTag } from './tags.ts';

interface BudgetProps {
  readonly name: string;
  readonly usd: number;
  readonly email: string | undefined;
  readonly topicArn: string | undefined;
}

/** When to notify, percent of the budget. */
const notifications = [
  { type: 'ACTUAL', percent: 80 },
  { type: 'ACTUAL', percent: 100 },
  { type: 'FORECASTED', percent: 100 },
] as const;

/**
 * A monthly budget for the resources with the tag of the deployment. AWS counts their costs from the day on which the
 * tag is activated as a cost allocation tag, which only the account that pays can do. Deployments with the same name and
 * stage in other regions have the same tag, so each of their budgets counts all of them.
 */
export class MonthlyBudget extends Construct {
  constructor(scope: Construct, id: string, { name, usd, email, topicArn }: BudgetProps) {
    super(scope, id);
    const subscriber =
      email === undefined
        ? { subscriptionType: 'SNS', address: topicArn ?? '' }
        : { subscriptionType: 'EMAIL', address: email };
    new CfnBudget(this, 'Budget', {
      budget: {
        // Budgets belong to all regions of an account.
        budgetName: `${name}-${Aws.REGION}-monthly`,
        budgetType: 'COST',
        timeUnit: 'MONTHLY',
        budgetLimit: { amount: usd, unit: 'USD' },
        costFilters: { TagKeyValue: [`user:${deploymentTag}$${name}`] },
      },
      notificationsWithSubscribers: notifications.map(({ type, percent }) => ({
        notification: {
          notificationType: type,
          comparisonOperator: 'GREATER_THAN',
          threshold: percent,
          thresholdType: 'PERCENTAGE',
        },
        subscribers: [subscriber],
      })),
    });
  }
}
