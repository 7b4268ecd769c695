/** What a typed text is: the six digits of an authenticator, however they are spaced, or else a recovery code. */
export function secondFactorOf(typed: string): { readonly code: string } | { readonly recoveryCode: string } {
  const code = typed.replaceAll(/\s/g, "");
  return /^\d{6}$/.test(code) ? { code } : { recoveryCode: typed.trim() };
}
