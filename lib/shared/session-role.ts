import { AccountRootPrincipal, PolicyStatement, Role } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { orgSessionTag } from '../../contract/shared/environment-variables.ts';

/** In a policy: the org of the session that calls. */
export const sessionOrgTag = `\${aws:PrincipalTag/${orgSessionTag}}`;

interface SessionRoleProps {
  /** The role of the function, which alone may assume this one. */
  readonly caller: Role;
  readonly description: string;
}

/**
 * The role by which a function reaches data, for one org at a time: it is assumed with the org as session tag, and its
 * permissions are limited to that tag. Who holds a session of one org can do nothing with the data of another.
 */
export class SessionRole extends Construct {
  readonly role: Role;

  constructor(scope: Construct, id: string, { caller, description }: SessionRoleProps) {
    super(scope, id);
    const conditions = {
      // A condition on the caller instead of the caller as principal: see ContextKey.grant.
      ArnEquals: { 'aws:PrincipalArn': caller.roleArn },
      // The tag must be there, and no other beside it.
      StringLike: { [`aws:RequestTag/${orgSessionTag}`]: '?*' },
      'ForAllValues:StringEquals': { 'aws:TagKeys': [orgSessionTag] },
    };
    const account = new AccountRootPrincipal();
    this.role = new Role(this, 'Role', {
      assumedBy: account.withConditions(conditions),
      description: `${description}, for one org at a time`,
    });
    this.role.assumeRolePolicy?.addStatements(
      new PolicyStatement({ actions: ['sts:TagSession'], principals: [account], conditions }),
    );
  }

  /** What the caller needs beside the trust of this role. */
  assumption(): PolicyStatement {
    return new PolicyStatement({ actions: ['sts:AssumeRole', 'sts:TagSession'], resources: [this.role.roleArn] });
  }
}
