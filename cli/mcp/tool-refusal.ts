import { UseRefusal } from '../../egress/refusals/use-refusal.ts';

/** A tool call that was refused. The message is for the model and never contains a value. Nothing was sent. */
export class ToolRefusal extends UseRefusal {
  static {
    ToolRefusal.prototype.name = 'ToolRefusal';
  }
}
