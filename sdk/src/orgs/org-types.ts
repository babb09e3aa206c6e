/** Options of calls for the organization. */
import type { CallOptions } from '../shared/client-options.ts';

export interface ShredOptions extends CallOptions {
  /** The organization's id, as confirmation; see `org.get()`. */
  confirm: string;
  /** Waiting period in days, 0 to 30. During it the organization is locked and `cancelShred` works. Default: 0. */
  waitDays?: number | undefined;
}
