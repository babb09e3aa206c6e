/** A tool call that was refused. The message is for the model and never contains a value. Nothing was sent. */
export class ToolRefusal extends Error {
  static {
    ToolRefusal.prototype.name = 'ToolRefusal';
  }
}
