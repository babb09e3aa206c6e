/** Something that a tool does not do. The message is for the model and never holds a value; nothing was sent. */
export class ToolRefusal extends Error {
  static {
    ToolRefusal.prototype.name = 'Refusal';
  }
}
