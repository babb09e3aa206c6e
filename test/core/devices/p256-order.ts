/** Order of the group of P-256 (SP 800-186, section 3.2.1.3). */
export const groupOrder = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
