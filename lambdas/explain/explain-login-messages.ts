/** The texts of `explain` for logins of identities of other systems, and for the API keys that they have given. */
import type { ExplainParty } from '../../contract/explain/wire.ts';
import { joinWithAnd } from './explain-messages.ts';

type PartyText = Pick<ExplainParty, 'who' | 'how'>;

/** What a key of the login can do, and for how long. */
export interface LoginExtent {
  readonly role: string;
  /** Undefined for all verbs of the role. */
  readonly verbs: readonly string[] | undefined;
  /** Number of prefixes of names; undefined if there is no limit. */
  readonly prefixes: number | undefined;
  readonly keySeconds: number;
}

const rightsOf = ({ role, verbs, prefixes, keySeconds }: LoginExtent): string => {
  const narrowed = verbs === undefined ? '' : ` and only the verbs ${joinWithAnd(verbs)}`;
  const names =
    prefixes === undefined ? '' : `, for names under ${prefixes === 1 ? 'one prefix' : `${prefixes} prefixes`}`;
  return `It is an API key with the role ${role}${narrowed}${names}, which works for ${keySeconds} seconds. They can log in again and again.`;
};

const quoted = (claims: Readonly<Record<string, string>>): string =>
  joinWithAnd(Object.entries(claims).map(([name, value]) => `${name} = ${JSON.stringify(value)}`));

export const explainLoginMessages = {
  token: (issuer: string, claims: Readonly<Record<string, string>>, extent: LoginExtent): PartyText => ({
    who: `Anyone with a token of the issuer ${issuer} with the claims ${quoted(claims)}`,
    how: `The token gets a key. ${rightsOf(extent)}`,
  }),
  issuer: (issuer: string, hasKeys: boolean): PartyText => ({
    who: `The issuer ${issuer}, and anyone who has one of its keys`,
    how: `It signs the tokens, so it can log in as every identity: claims are no limit for it. ${
      hasKeys
        ? 'The login has the keys of the issuer, and no others count.'
        : 'The vault fetches its keys, so anyone who can answer in its name by HTTPS is the issuer too.'
    }`,
  }),
  awsRole: (account: string, roleId: string, extent: LoginExtent): PartyText => ({
    who: `Anyone who can assume the AWS role ${roleId} of the account ${account}`,
    how: `A signed request of the role gets a key. ${rightsOf(extent)}`,
  }),
  awsAccount: (account: string): PartyText => ({
    who: `Anyone who administers the AWS account ${account}, and AWS STS`,
    how: 'They decide who assumes the role. The vault asks STS who signed a request, and believes its answer.',
  }),
  key: (id: string, role: string, subject: string): PartyText => ({
    who: `Anyone with the API key ${id}, which has the role ${role}`,
    how: `The login gave it to ${JSON.stringify(subject)}, or a key of this login created it. It works without a further login. Deleting the login, or revoking the key, ends it within five minutes.`,
  }),
  otherKeys: (count: number): PartyText => ({
    who: `Anyone with one of ${count} more API keys that this login gave, which are not named here: they have more permissions than the calling key, or the list is too long`,
    how: 'They work until they expire, the login is deleted, or they are revoked.',
  }),
  creators: (names: readonly string[]): PartyText => ({
    who: `The functions ${joinWithAnd(names)}`,
    how: 'They can create API keys of the organization, also without a login: their code decides. They have no permission on values, but a key that they create can have it.',
  }),
  operator: {
    who: 'Anyone who administers the AWS account of the deployment',
    how: 'They can change the code of the functions that check identities and create keys.',
  },
  writer: {
    who: 'Anyone who can write the table of logins, but cannot use the records key',
    how: 'They cannot create or change a login, because its record has a MAC, nor bring a deleted one back. They can delete it, reset its counters, and delete the marks of used tokens, so that a recorded token works again until it expires.',
  },
  apiKeys: {
    who: 'API keys of the organization, admin keys included',
    how: 'An API key does not log in. A key with `keys.write` can delete this login, and create another one whose keys have at most its own permissions.',
  },
  strangers: {
    who: 'Every other identity',
    how: 'It is refused, with the same error whatever differs. The log of the deployment has the reason.',
  },
  whenLocked: (lockedReason: string): PartyText => ({
    who: 'Every identity, and every API key that the login gave',
    how: `${lockedReason} Until then nobody logs in, and every request is refused.`,
  }),
  gone: {
    absent:
      'There is no login with that ID. It was deleted, or never created. Keys that a deleted login gave end within five minutes.',
    ended: 'The login was deleted. Somebody put its record back, and it is refused. Its keys have ended.',
    damaged:
      'The stored record of the login does not verify, so the vault refuses it. Delete it, and create another one.',
    expired: 'The login has expired. No key that it gave works longer than the login.',
  },
} as const;
