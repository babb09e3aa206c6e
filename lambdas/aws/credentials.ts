/** AWS credentials, in the form that the clients of this folder and the AWS SDK accept. */

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/**
 * Returns credentials. Clients call it before each attempt, so it caches them itself.
 * @param request `rejected`: credentials that AWS refused as expired. Others are returned if there are any.
 */
export type CredentialProvider<Credentials extends AwsCredentials = AwsCredentials> = (request?: {
  readonly rejected?: AwsCredentials | undefined;
}) => Promise<Credentials>;

/**
 * The credentials of the function's own role, which Lambda sets in the environment. They outlive the execution
 * environment. The same object is returned while they do not change, because signing keys are cached by it.
 */
export function createEnvironmentCredentials(env: NodeJS.ProcessEnv = process.env): CredentialProvider {
  let known: AwsCredentials | undefined;
  return async (request) => {
    if (known !== undefined && known !== request?.rejected) return known;
    const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
    if (!accessKeyId || !secretAccessKey) throw new Error('the environment lacks AWS credentials');
    const isSame = known?.accessKeyId === accessKeyId && known.secretAccessKey === secretAccessKey;
    if (known === undefined || !isSame) {
      known = { accessKeyId, secretAccessKey, sessionToken: env.AWS_SESSION_TOKEN || undefined };
    }
    return known;
  };
}
