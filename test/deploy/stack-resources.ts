/** Calls to CloudFormation that the CDK command does not offer, with its query protocol. */

export interface StackResource {
  readonly logicalId: string;
  readonly physicalId: string;
  readonly type: string;
  readonly status: string;
}

/** All resources of a stack, also those that were deleted. */
export async function listStackResources(endpoint: string, stack: string): Promise<StackResource[]> {
  const found: StackResource[] = [];
  let next: string | undefined;
  do {
    const page: Record<string, string> = next === undefined ? {} : { NextToken: next };
    const xml = await callCloudFormation(endpoint, { Action: 'ListStackResources', StackName: stack, ...page });
    found.push(...(xml.match(/<member>.*?<\/member>/gs) ?? []).map(parseResource));
    next = textOf(xml, 'NextToken');
  } while (next !== undefined);
  return found;
}

/** Allows the deletion of a stack. `cdk destroy` cannot do that. */
export async function disableTerminationProtection(endpoint: string, stack: string): Promise<void> {
  const parameters = { StackName: stack, EnableTerminationProtection: 'false' };
  await callCloudFormation(endpoint, { Action: 'UpdateTerminationProtection', ...parameters });
}

/** Sends one action. Returns the XML of the answer. @throws Error with the answer if CloudFormation refuses it */
export async function callCloudFormation(endpoint: string, parameters: Record<string, string>): Promise<string> {
  const body = new URLSearchParams({ Version: '2010-05-15', ...parameters });
  const answer = await fetch(endpoint, { method: 'POST', body });
  const xml = await answer.text();
  if (!answer.ok) throw new Error(`${parameters.Action}: ${answer.status} ${xml}`);
  return xml;
}

const parseResource = (xml: string): StackResource => ({
  logicalId: textOf(xml, 'LogicalResourceId') ?? '',
  physicalId: textOf(xml, 'PhysicalResourceId') ?? '',
  type: textOf(xml, 'ResourceType') ?? '',
  status: textOf(xml, 'ResourceStatus') ?? '',
});

const textOf = (xml: string, element: string): string | undefined =>
  new RegExp(`<${element}>([^<]*)</${element}>`).exec(xml)?.[1];
