/** Custody of values (docs/custody.md). Without the entry, it is `org`. */

/** The metadata entry that says the custody of a value, and the one custody that it names. */
export const custodyKey = 'custody';
export const approvalCustody = 'approval';

/** Whether a person's device must open the value each time that it is used. Nobody reads it. */
export const isApprovalCustody = (metadata: Readonly<Record<string, string>>): boolean =>
  metadata[custodyKey] === approvalCustody;
