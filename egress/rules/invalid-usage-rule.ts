/** Invalid rules. The message does not quote them. */
export class InvalidUsageRuleError extends Error {
  static {
    InvalidUsageRuleError.prototype.name = 'InvalidUsageRuleError';
  }
}
