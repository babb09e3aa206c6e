/** What the function `approvals` is told by the sealer: that tripwires of an org were hit, not which (docs/approvals.md, section 9). */
export interface TripwireEvent {
  readonly kind: 'tripwires';
  readonly org: string;
}
