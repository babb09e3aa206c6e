/** The sentences of `explain`, all of them: templates that the rules fill with what they found. Facts alone; no name of a value or key. */

import type { ExplainParty } from '../../contract/explain/wire.ts';
import type { PasswordParams } from '../../core/users/key-slot.ts';

type PartyText = Pick<ExplainParty, 'who' | 'how'>;

/** `a, b and c` */
export const joinWithAnd = (items: readonly string[]): string =>
  items.length < 2 ? (items[0] ?? 'none') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;

const formatNumber = (count: number): string => count.toLocaleString('en');

/**
 * What it takes to try identities one by one. Phone numbers of one country: nine digits that vary, at most. KMS: 10,000 GenerateMac a
 * second and account in most regions, ten times that in the largest (a quota that AWS raises on request), 0.03 USD for 10,000.
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
  `regions, ${bruteForceHours(bruteForceEstimate.mostPerSecond)} at ${formatNumber(bruteForceEstimate.mostPerSecond)}, and ${formatNumber(bruteForceEstimate.candidates * bruteForceEstimate.usdPerCall)} USD, once for all users of the organization`;

export const explainMessages = {
  // Values.
  keyReads: (id: string, role: string, dek: number): PartyText => ({
    who: `Whoever holds the API key ${id}, of the role ${role}`,
    how: `The vault opens the value for it, with the organization's data-encryption key ${dek}.`,
  }),
  otherKeysRead: (count: number): PartyText => ({
    who: `Whoever holds one of ${count} more API keys, which are not named here: they reach further than the one that asks`,
    how: 'The vault opens the value for them.',
  }),
  keysRevoked: (keys: string): PartyText => ({ who: keys, how: 'Revoked: refused from the next request on.' }),
  keysEnded: (keys: string): PartyText => ({ who: keys, how: 'Expired, or replaced by another key: refused.' }),
  keysWithoutVerb: (keys: string): PartyText => ({ who: keys, how: 'They lack the verb values.read.' }),
  keysElsewhere: (keys: string): PartyText => ({ who: keys, how: 'They are limited to other names.' }),
  keysUnreserved: (keys: string): PartyText => ({
    who: keys,
    how: 'Names under channels/ are for admin keys, and for keys with a prefix that names them; these have none.',
  }),
  keysOfLockedOrg: (lockedReason: string): PartyText => ({
    who: 'API keys of the organization, admin keys included',
    how: lockedReason,
  }),
  functionReads: (name: string): PartyText => ({
    who: `The function ${name}`,
    how: 'Its role may unwrap data-encryption keys (kms:Decrypt with the KEK) and read sealed values. The plaintext is in its memory while it handles a request.',
  }),
  functionsUnwrapOnly: (names: readonly string[]): PartyText => ({
    who: `The functions ${joinWithAnd(names)}`,
    how: 'Their roles may unwrap data-encryption keys, but read no values.',
  }),
  functionsWithoutKek: (names: readonly string[]): PartyText => ({
    who: `The functions ${joinWithAnd(names)}`,
    how: 'None of their roles may use the KEK.',
  }),
  functionsOfLockedOrg: (names: readonly string[], lockedReason: string): PartyText => ({
    who: `The functions ${joinWithAnd(names)}`,
    how: `Their roles may unwrap data-encryption keys and read sealed values, but they refuse to. ${lockedReason}`,
  }),
  operatorReads: (names: readonly string[]): PartyText => ({
    who: 'Whoever administers the AWS account of the deployment',
    how: `By the policies as they are, only the functions ${joinWithAnd(names)} unwrap data-encryption keys for values. Who may change these policies, or the code of these functions, can read every value. CloudTrail records it; nothing prevents it.`,
  }),

  // Blobs.
  linkOpens: (more: string): PartyText => ({
    who: 'Whoever has the link',
    how: `The key is in the link behind its #, and nowhere in the vault.${more}`,
  }),
  linkDenied: (why: string): PartyText => ({ who: 'Whoever has the link', how: why }),
  openingsLeft: (left: number, of: number): string => ` ${left} of ${of} openings are left.`,
  burnable: ' Whoever has read it can destroy it.',
  copiesMayExist: (openings: number): string =>
    ` It was opened ${openings === 1 ? 'once' : `${openings} times`}: whoever did may have kept a copy.`,
  keysNoLink: (): PartyText => ({
    who: 'API keys of the organization, admin keys included',
    how: 'They may give it another address or delete it. The key is in the link alone; who was not given the link does not have it.',
  }),
  functionsNoLink: (names: readonly string[]): PartyText => ({
    who: `All functions: ${joinWithAnd(names)}`,
    how: 'They handle ciphertext, and of the key proofs and hashes.',
  }),
  operatorNoLink: (): PartyText => ({
    who: 'Whoever administers the AWS account of the deployment',
    how: 'Has ciphertext only. But who may change the page that opens links could serve one that sends the key away; who opens a link without that page is safe from it.',
  }),

  // Records of users.
  identity: (id: string, functions: readonly string[]): PartyText => ({
    who: `Whoever sends from the phone number, mailbox or account that is linked by the slot ${id}; which one it is the vault does not know, it keeps a keyed hash`,
    how: `Opened by ${functions.length === 0 ? 'no function at present' : `the function ${joinWithAnd(functions)}`}, while it handles a message that the provider has vouched for. Whoever takes over that number, mailbox or account is this user.`,
  }),
  credential: (id: string): PartyText => ({
    who: `Whoever holds the user key of the slot ${id}`,
    how: 'Opened while a request carries the key. The vault keeps nothing of it but what it wrapped.',
  }),
  password: (id: string, params: PasswordParams | undefined): PartyText => ({
    who: `Whoever knows the login and password of the slot ${id}`,
    how: `Opened at login, with the code key${params === undefined ? '' : ` and Argon2id with ${formatNumber(params.memory)} KiB and ${params.passes} passes`}. A password that can be guessed, or is used elsewhere, is no protection.`,
  }),
  session: (id: string): PartyText => ({
    who: `Whoever holds the cookie of the session ${id}`,
    how: 'Opened while a request carries the cookie, until the session ends.',
  }),
  link: (id: string, functions: readonly string[]): PartyText => ({
    who: `Whoever sends the code of the slot ${id}, once`,
    how: `Opened by ${functions.length === 0 ? 'no function at present' : `the function ${joinWithAnd(functions)}`}, to link the channel that the code is sent from.`,
  }),
  expiredSlot: (id: string, kind: string): PartyText => ({
    who: `Whoever holds the ${kind} of the slot ${id}`,
    how: 'It has expired: the vault refuses it. The slot is removed with the next change of the keyring.',
  }),
  slotOfLockedOrg: (id: string, kind: string, lockedReason: string): PartyText => ({
    who: `The slot ${id}, of the kind ${kind}`,
    how: lockedReason,
  }),
  functionWithUser: (name: string): PartyText => ({
    who: `The function ${name}`,
    how: 'Only while it handles a request that carries what opens one of the slots: it holds nothing that opens a slot by itself.',
  }),
  functionWithSender: (name: string): PartyText => ({
    who: `The function ${name}`,
    how: 'Only while it handles a message of a linked sender: its role may use the custody key or the code key, but the identity or code that it takes beside comes with the message and is not stored.',
  }),
  responder: (): PartyText => ({
    who: 'The function that answers messages (the responder)',
    how: 'Opens nothing itself, but is handed each message, and the latest ones before it, in plaintext. What it keeps of them is up to it.',
  }),
  functionsWithoutRecords: (names: readonly string[]): PartyText => ({
    who: `The functions ${joinWithAnd(names)}`,
    how: 'Their roles may use the custody key or the code key, or they are given what opens a slot, but they may not read records.',
  }),
  functionsWithoutUser: (names: readonly string[]): PartyText => ({
    who: `The functions ${joinWithAnd(names)}`,
    how: 'Their roles may use neither the custody key nor the code key, and no request of theirs carries what opens a slot.',
  }),
  userFunctionsOfLockedOrg: (names: readonly string[], lockedReason: string): PartyText => ({
    who: `The functions ${joinWithAnd(names)}`,
    how: lockedReason,
  }),
  keysReachUserData: (names: readonly string[]): PartyText => ({
    who: 'Perhaps API keys of the organization',
    how: `The functions ${joinWithAnd(names)} answer API keys and may both use the custody key or the code key and read records: nothing but their code stands between.`,
  }),
  keyCanImpersonate: (id: string, role: string): PartyText => ({
    who: `Whoever holds the API key ${id}, of the role ${role}, and knows the number, address or account id that is linked`,
    how: 'The key reads or sets secrets of channels (values under channels/), by which messages are known to come from the provider. Who has them can send one in the name of this user.',
  }),
  otherKeysCanImpersonate: (count: number): PartyText => ({
    who: `Whoever holds one of ${count} API keys of the organization, which are not named here, and knows the number, address or account id that is linked`,
    how: 'They read or set secrets of channels (values under channels/), by which messages are known to come from the provider. Who has them can send one in the name of this user.',
  }),
  keysNoSlot: (areOtherKeys: boolean, names: readonly string[]): PartyText => ({
    who: areOtherKeys ? 'All other API keys of the organization' : 'API keys of the organization, admin keys included',
    how: `No API key opens a slot, and of the functions that answer API keys (${joinWithAnd(names)}) none may use the custody key or the code key. They may list users and delete them. Which records a user has they are not told: asked about one, they are answered for the user as a whole.`,
  }),
  operatorNoSlot: (risks: readonly string[]): PartyText => ({
    who: 'Whoever administers the AWS account of the deployment',
    how: `Not by what is stored and KMS alone. ${risks.join(' ')}`,
  }),
  riskCode: 'But who may change the code of a function could take part in the next request or message of this user.',
  riskIdentity: `Who may use the custody key and read the keyring can try identities one by one. ${bruteForceCost}; mail addresses and account ids that are known take one call each.`,
  riskChannels:
    'Who may read the values of the organization, by the KEK, has the secrets of its channels among them, and can send a message in the name of a user whose number, address or account id he knows; so can the provider.',
  riskPassword:
    'Who may use the code key and read the keyring can try passwords, at one call and one Argon2id each: those of a list of the usual ones fall.',

  // All of them.
  orgLocked: (shredAt: string): string =>
    `The organization is locked; it will be shredded at ${shredAt} unless that is cancelled.`,
  nobody: (why: string): PartyText => ({ who: 'Anyone', how: why }),
  goneReasons: {
    shredded: 'The organization was shredded: the keys are destroyed.',
    retired: 'It is sealed under a data-encryption key that is destroyed.',
    value: 'There is no value of that name: it was deleted, or never set.',
    blob: 'There is no blob of that id, or it is gone for long.',
    user: 'There is no user of that id.',
    record: 'There is no record of that id: it was deleted, or never written.',
    deletedUser: (at: string): string =>
      `The user was deleted at ${at}: all slots are destroyed, and with them the key.`,
    // Of a blob that was there.
    uploading: 'Its upload is not complete yet.',
    expired: 'It has expired.',
    spent: 'It was opened as often as it may be.',
    burned: 'It was destroyed by who has read it.',
    deleted: 'It was deleted.',
  },
} as const;
