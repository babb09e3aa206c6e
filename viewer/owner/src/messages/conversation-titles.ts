/** What the page calls a conversation. */
import type { ConversationInfo } from '../../../../sdk/src/session/index.ts';
import type { App } from '../app.ts';

/** The other participants: agents by name, persons by id. */
export function titleOf({ client, names }: App, { agents, persons }: ConversationInfo): string {
  const known = client.devices();
  const others = [
    ...agents.map((agent) => {
      const device = known.find((one) => one.device === agent);
      return names.of({ device: agent, role: device?.role ?? 'agent' });
    }),
    ...persons.filter((person) => person !== client.person).map((person) => `Person ${person}`),
  ];
  return others.length === 0 ? 'My devices' : others.join(', ');
}

/** Why nothing can be written to a conversation now; undefined if it can. */
export function blockOf({ client }: App, { isCurrent, agents }: ConversationInfo): string | undefined {
  if (!isCurrent) return 'This device does not take part in this conversation any more.';
  const known = client.devices();
  const suspended = agents.filter((agent) => known.some((one) => one.device === agent && one.status === 'suspended'));
  if (agents.length > 0 && suspended.length === agents.length)
    return 'This agent is suspended. It gets nothing until an admin resumes it.';
  return undefined;
}
