/** What GitHub's part of a sign-in ended with, by better-auth's names. */
const said: Readonly<Record<string, string>> = {
  access_denied: "GitHub was not allowed to say who you are.",
  signup_disabled:
    "No account here has that account of GitHub's, and registration is closed. If you have an account, sign in to it and link GitHub under Account.",
  account_not_linked:
    "There is an account with that e-mail already. Sign in to it, and link GitHub under Account.",
  account_already_linked_to_different_user: "That account of GitHub's is linked to another account here.",
  state_mismatch: "This was begun in another window, or too long ago. Try again.",
};

/** In a sentence; undefined when there was none. */
export function githubFailure(error: string | undefined): string | undefined {
  return error === undefined ? undefined : (said[error] ?? `GitHub did not say who you are: ${error}.`);
}
