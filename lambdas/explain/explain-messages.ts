/**
 * All texts of `explain`: templates that the services fill with the facts that they found. They contain no names of
 * values or API keys.
 */

import type { ExplainParty } from '../../contract/explain/wire.ts';
import type { PasswordParams } from '../../core/users/key-slot.ts';

type PartyText = Pick<ExplainParty, 'who' | 'how'>;

/** `a, b and c` */
export const joinWithAnd = (items: readonly string[]): string =>
  items.length < 2 ? (items[0] ?? 'none') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;

const formatNumber = (count: number): string => count.toLocaleString('en');

/**
 * Estimate for guessing identities one by one. In the phone numbers of one country, at most nine digits vary. KMS
 * allows 10,000 GenerateMac calls per second and account in most regions, and ten times that in the largest (a quota
 * that AWS raises on request). 10,000 calls cost 0.03 USD.
 */
const bruteForceEstimate = {
  candidates: 1e9,
  perSecond: 10_000,
  mostPerSecond: 100_000,
  usdPerCall: 0.03 / 10_000,
} as const;
const bruteForceHours = (perSecond: number): string =>
  formatNumber(Math.round(bruteForceEstimate.candidates / perSecond / 360) / 10);
const bruteForceCost =
  `A billion phone numbers take ${bruteForceHours(bruteForceEstimate.perSecond)} hours at ${formatNumber(bruteForceEstimate.perSecond)} calls a second, the default quota of KMS in most ` +
  `regions, or ${bruteForceHours(bruteForceEstimate.mostPerSecond)} hours at ${formatNumber(bruteForceEstimate.mostPerSecond)} calls a second. They cost ${formatNumber(bruteForceEstimate.candidates * bruteForceEstimate.usdPerCall)} USD, once for all users of the organization`;

const administrator = 'Anyone who administers the AWS account of the deployment';

const unlockedBy = (functions: readonly string[]): string =>
  functions.length === 0 ? 'Unlocked by no function at present' : `Unlocked by the function ${joinWithAnd(functions)}`;

export const explainMessages = {
  // Values.
  /** @param login that gave the key, or a key that created it; undefined if there is none */
  keyReads: (id: string, role: string, dek: number, login: string | undefined): PartyText => ({
    who: `Anyone with the API key ${id}, which has the role ${role}`,
    how: `The vault decrypts the value for this key, with the organization's data-encryption key ${dek}.${
      login === undefined ? '' : ` The login ${login} gave it, and gives others like it: see login:${login}.`
    }`,
  }),
  otherKeysRead: (count: number): PartyText => ({
    who: `Anyone with one of ${count} more API keys, which are not named here: they have more permissions than the calling key, or the list is too long`,
    how: 'The vault decrypts the value for these keys.',
  }),
  keysRevoked: (keys: string): PartyText => ({ who: keys, how: 'Revoked. The vault refuses every further request.' }),
  keysEnded: (keys: string): PartyText => ({
    who: keys,
    how: 'Expired, or replaced by another key. The vault refuses every request.',
  }),
  approvalCustody: (): PartyText => ({
    who: 'All parties that are listed as able to decrypt it, if the metadata of the value has custody = approval',
    how: 'They then get only what its setter sealed for the approver. A device of the approver opens it for one request at a time, and the function broker has it in memory during that request. The recovery code of the approver gives a new device the same. The metadata is encrypted, so this answer cannot say which custody the value has: `anima info` shows it.',
  }),
  keysWithoutVerb: (keys: string): PartyText => ({ who: keys, how: 'They do not have the verb values.read.' }),
  keysElsewhere: (keys: string): PartyText => ({ who: keys, how: 'They are limited to other names.' }),
  keysUnreserved: (keys: string): PartyText => ({
    who: keys,
    how: 'Names under channels/ are reserved for admin keys and for keys with a prefix that includes them. These keys have no prefix.',
  }),
  keysOfLockedOrg: (lockedReason: string): PartyText => ({
    who: 'API keys of the organization, admin keys included',
    how: lockedReason,
  }),
  functionReads: (name: string): PartyText => ({
    who: `The function ${name}`,
    how: 'Its role can unwrap data-encryption keys (kms:Decrypt with the KEK) and read encrypted values. The plaintext is in its memory while it handles a request.',
  }),
  functionsUnwrapOnly: (names: readonly string[]): PartyText => ({
    who: `The functions ${joinWithAnd(names)}`,
    how: 'Their roles can unwrap data-encryption keys, but cannot read values.',
  }),
  functionsWithoutKek: (names: readonly string[]): PartyText => ({
    who: `The functions ${joinWithAnd(names)}`,
    how: 'None of their roles can use the KEK.',
  }),
  functionsOfLockedOrg: (names: readonly string[], lockedReason: string): PartyText => ({
    who: `The functions ${joinWithAnd(names)}`,
    how: `Their roles can unwrap data-encryption keys and read encrypted values, but the functions refuse to do so. ${lockedReason}`,
  }),
  operatorReads: (names: readonly string[]): PartyText => ({
    who: administrator,
    how: `Under the current policies, only the functions ${joinWithAnd(names)} unwrap data-encryption keys for values. Anyone who can change these policies, or the code of these functions, can read every value. CloudTrail records it, but nothing prevents it.`,
  }),

  // Blobs.
  linkOpens: (more: string): PartyText => ({
    who: 'Anyone with the link',
    how: `The key is in the link, after the #, and nowhere in the vault.${more}`,
  }),
  linkDenied: (why: string): PartyText => ({ who: 'Anyone with the link', how: why }),
  openingsLeft: (left: number, of: number): string => ` ${left} of ${of} openings are left.`,
  burnable: ' Anyone who has read it can destroy it.',
  copiesMayExist: (openings: number): string =>
    ` It was opened ${openings === 1 ? 'once' : `${openings} times`}. Anyone who opened it might have kept a copy.`,
  keysNoLink: (): PartyText => ({
    who: 'API keys of the organization, admin keys included',
    how: 'They can give the blob a new address or delete it. Only the link contains the key, so nobody has the key without the link.',
  }),
  functionsNoLink: (names: readonly string[]): PartyText => ({
    who: `All functions: ${joinWithAnd(names)}`,
    how: 'They handle only ciphertext, and proofs and hashes that are derived from the key.',
  }),
  operatorNoLink: (): PartyText => ({
    who: administrator,
    how: 'The account contains only ciphertext. However, anyone who can change the page that opens links could make it send the key elsewhere. Opening a link without that page avoids this risk.',
  }),

  // Records of users.
  identity: (id: string, functions: readonly string[]): PartyText => ({
    who: `Anyone who sends from the phone number, mailbox or account that is linked by the slot ${id}. The vault does not know which one it is, because it stores only a keyed hash`,
    how: `${unlockedBy(functions)}, while it handles a message whose sender the provider has verified. Anyone who takes over that number, mailbox or account is this user.`,
  }),
  credential: (id: string): PartyText => ({
    who: `Anyone with the user key of the slot ${id}`,
    how: 'Unlocked while a request carries the user key. The vault does not store that key. It stores a hash of it, and the root key that is wrapped with it.',
  }),
  password: (id: string, params: PasswordParams | undefined): PartyText => ({
    who: `Anyone who knows the login and password of the slot ${id}`,
    how: `Unlocked at login, with the code key${params === undefined ? '' : ` and Argon2id with ${formatNumber(params.memory)} KiB and ${params.passes} passes`}. A password that can be guessed, or is used elsewhere, gives no protection.`,
  }),
  session: (id: string): PartyText => ({
    who: `Anyone with the cookie of the session ${id}`,
    how: 'Unlocked while a request carries the cookie, until the session ends.',
  }),
  link: (id: string, functions: readonly string[]): PartyText => ({
    who: `Anyone who sends the code of the slot ${id}, once`,
    how: `${unlockedBy(functions)}, to link the channel that sends the code.`,
  }),
  expiredSlot: (id: string, kind: string): PartyText => ({
    who: `Anyone with the ${kind} of the slot ${id}`,
    how: 'It has expired, and the vault refuses it. The slot is removed with the next change of the keyring.',
  }),
  slotOfLockedOrg: (id: string, kind: string, lockedReason: string): PartyText => ({
    who: `The slot ${id} of the kind ${kind}`,
    how: lockedReason,
  }),
  functionWithUser: (name: string): PartyText => ({
    who: `The function ${name}`,
    how: 'Only while it handles a request that carries a credential for one of the slots. It has nothing that unlocks a slot without such a request.',
  }),
  functionWithSender: (name: string): PartyText => ({
    who: `The function ${name}`,
    how: 'Only while it handles a message of a linked sender. Its role can use the custody key or the code key, but it also needs the identity or code. Those come with the message and are not stored.',
  }),
  responder: (): PartyText => ({
    who: 'The function that answers messages (the responder)',
    how: 'It decrypts nothing itself, but receives each message, and the latest messages before it, in plaintext. Its own code decides what it keeps.',
  }),
  functionsWithoutRecords: (names: readonly string[]): PartyText => ({
    who: `The functions ${joinWithAnd(names)}`,
    how: 'Their roles can use the custody key or the code key, or their requests carry a credential for a slot. However, they cannot read records.',
  }),
  functionsWithoutUser: (names: readonly string[]): PartyText => ({
    who: `The functions ${joinWithAnd(names)}`,
    how: 'Their roles can use neither the custody key nor the code key, and none of their requests carries a credential for a slot.',
  }),
  userFunctionsOfLockedOrg: (names: readonly string[], lockedReason: string): PartyText => ({
    who: `The functions ${joinWithAnd(names)}`,
    how: lockedReason,
  }),
  keysReachUserData: (names: readonly string[]): PartyText => ({
    who: 'Possibly API keys of the organization',
    how: `The functions ${joinWithAnd(names)} serve API keys. Their roles can use the custody key or the code key, and can also read records. Only their code prevents access.`,
  }),
  keyCanImpersonate: (id: string, role: string): PartyText => ({
    who: `Anyone who has the API key ${id}, which has the role ${role}, and knows the linked number, address or account ID`,
    how: 'The key can read or set channel secrets (values under channels/), which authenticate the messages of a provider. Anyone who has them can send a message in the name of this user.',
  }),
  otherKeysCanImpersonate: (count: number): PartyText => ({
    who: `Anyone who has one of ${count} API keys of the organization, which are not named here, and knows the linked number, address or account ID`,
    how: 'The keys can read or set channel secrets (values under channels/), which authenticate the messages of a provider. Anyone who has them can send a message in the name of this user.',
  }),
  keysNoSlot: (areOtherKeys: boolean, names: readonly string[]): PartyText => ({
    who: areOtherKeys ? 'All other API keys of the organization' : 'API keys of the organization, admin keys included',
    how: `No API key unlocks a slot. None of the functions that serve API keys (${joinWithAnd(names)}) can use the custody key or the code key. API keys can list and delete users, but do not learn which records a user has. A request about one record is answered for the user as a whole.`,
  }),
  operatorNoSlot: (risks: readonly string[]): PartyText => ({
    who: administrator,
    how: `The stored data and KMS alone are not sufficient. ${risks.join(' ')}`,
  }),
  riskCode:
    'However, anyone who can change the code of a function could access the data during the next request or message of this user.',
  riskIdentity: `Anyone who can use the custody key and read the keyring can try identities one by one. ${bruteForceCost}. Email addresses and account IDs that are known take one call each.`,
  riskChannels:
    'Anyone who can read the values of the organization, with the KEK, also has its channel secrets. They can then send a message in the name of a user whose number, address or account ID they know. So can the provider.',
  riskPassword:
    'Anyone who can use the code key and read the keyring can try passwords, at one call and one Argon2id computation each. Common passwords are found that way.',

  // Texts for several kinds of items.
  orgLocked: (shredAt: string): string =>
    `The organization is locked. It will be shredded at ${shredAt}, unless that is cancelled.`,
  nobody: (why: string): PartyText => ({ who: 'Anyone', how: why }),
  goneReasons: {
    shredded: 'The organization was shredded. Its keys are destroyed.',
    retired: 'It is encrypted with a data-encryption key that is destroyed.',
    value: 'There is no value with that name. It was deleted, or never set.',
    blob: 'There is no blob with that ID, or it was removed long ago.',
    user: 'There is no user with that ID.',
    record: 'There is no record with that ID. It was deleted, or never written.',
    deletedUser: (at: string): string =>
      `The user was deleted at ${at}. All slots are destroyed, and the root key with them.`,
    // For a blob that exists or existed.
    uploading: 'Its upload is not complete yet.',
    expired: 'It has expired.',
    spent: 'It was opened as often as allowed.',
    burned: 'It was destroyed by someone who had read it.',
    deleted: 'It was deleted.',
  },
} as const;
