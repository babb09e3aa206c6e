/** The supported KMS key specs: for encryption, for signatures, and for HMACs. */
export const keySpecs = ['SYMMETRIC_DEFAULT', 'ECC_NIST_P256', 'HMAC_256'] as const;
export type KeySpec = (typeof keySpecs)[number];

export const keyUsages = {
  SYMMETRIC_DEFAULT: 'ENCRYPT_DECRYPT',
  ECC_NIST_P256: 'SIGN_VERIFY',
  HMAC_256: 'GENERATE_VERIFY_MAC',
} as const satisfies Record<KeySpec, string>;

export type KeyUsage = (typeof keyUsages)[KeySpec];
