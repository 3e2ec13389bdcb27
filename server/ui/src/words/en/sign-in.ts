/** Signing in. */

export const signInWords = {
  title: "Sign in",
  key: "API key",
  hint: "The server printed its first key when it started; it is also in the file admin-key of its data folder. The key stays in a cookie that scripts cannot read.",
  submit: "Sign in",
  refused: "This key is not valid.",
  empty: "Enter a key.",
  at: (provider: string) => `Sign in with ${provider}`,
  or: "or with a key",
  /** Why a person who comes back from the provider is not signed in, by the server's reason. */
  problems: {
    off: "This server has no provider to sign in at. Use a key.",
    denied: "You were not signed in: the provider says that access was denied.",
    state:
      "This sign-in was not begun in this browser, or more than ten minutes ago. Sign in once more.",
    clock:
      "The clocks of the provider and of this server differ, so that the sign-in is not valid now. Ask who runs the server to set its clock.",
    token: "The provider's answer is not valid. Sign in once more; the server's log says why.",
    provider: "The provider did not complete the sign-in. The server's log says why.",
    forbidden:
      "You signed in, but have no role on this server. Ask an administrator for viewer, operator, editor or admin.",
    busy: "There were too many failed attempts from your network. Wait a minute.",
  } as Record<string, string>,
  unknownProblem: "You were not signed in.",
};
