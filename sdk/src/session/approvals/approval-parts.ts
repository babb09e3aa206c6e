import type { CallOptions, CallSettings } from '../../shared/client-options.ts';
import type { SessionEngine } from '../session-engine.ts';

/** What the parts of a client give. */
export interface ApprovalParts {
  readonly engine: SessionEngine;
  readonly settings: (options: CallOptions, ...own: string[]) => CallSettings;
  suspend(subject: string, options: CallOptions): Promise<void>;
}
