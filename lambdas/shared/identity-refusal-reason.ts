/** Why an identity was refused. For the log of the deployment only: a stranger must not learn what a login expects. */
export type IdentityRefusalReason =
  | 'login_unknown'
  | 'login_ended'
  | 'token_form'
  | 'token_algorithm'
  | 'token_issuer'
  | 'token_key'
  | 'token_signature'
  | 'token_audience'
  | 'token_time'
  | 'token_claims'
  | 'request_form'
  | 'request_time'
  | 'request_signature'
  | 'role_mismatch'
  | 'identity_used';
