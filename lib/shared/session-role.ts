import { AccountRootPrincipal, PolicyDocument, PolicyStatement, Role } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { orgSessionTag } from '../../contract/shared/environment-variables.ts';

/** Policy variable with the org of the calling session. */
export const sessionOrgTag = `\${aws:PrincipalTag/${orgSessionTag}}`;

interface SessionRoleProps {
  readonly roleName: string;
  /**
   * ARN of the function's role as text. Only this role is allowed to assume the session role. A reference would be a
   * cycle, because the function's role names the session role.
   */
  readonly callerArn: string;
  readonly description: string;
}

/**
 * The role with which a function accesses data of one org at a time. It is assumed with the org as session tag, and its
 * permissions are limited to this tag. A session of one org gives no access to the data of another org.
 */
export class SessionRole extends Construct {
  readonly role: Role;
  /** What the role allows. A role without a permission cannot be deployed. */
  readonly permissions = new PolicyDocument();

  constructor(scope: Construct, id: string, { roleName, callerArn, description }: SessionRoleProps) {
    super(scope, id);
    const conditions = {
      // A condition on the caller instead of the caller as principal: see EncryptionContextKey.grant.
      ArnEquals: { 'aws:PrincipalArn': callerArn },
      // The tag is required, and no other tag is allowed.
      StringLike: { [`aws:RequestTag/${orgSessionTag}`]: '?*' },
      'ForAllValues:StringEquals': { 'aws:TagKeys': [orgSessionTag] },
    };
    const account = new AccountRootPrincipal();
    this.role = new Role(this, 'Role', {
      roleName,
      assumedBy: account.withConditions(conditions),
      description: `${description}, for one org at a time`,
      inlinePolicies: { Permissions: this.permissions },
    });
    this.role.assumeRolePolicy?.addStatements(
      new PolicyStatement({ actions: ['sts:TagSession'], principals: [account], conditions }),
    );
  }

  /** The statement that the caller's policy needs in addition to the trust policy of this role. */
  assumption(): PolicyStatement {
    return new PolicyStatement({ actions: ['sts:AssumeRole', 'sts:TagSession'], resources: [this.role.roleArn] });
  }
}
