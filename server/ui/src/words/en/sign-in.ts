/** Signing in. */

export const signInWords = {
  title: "Sign in",
  key: "API key",
  hint: "The server printed its first key when it started; it is also in the file admin-key of its data folder. The key stays in a cookie that scripts cannot read.",
  submit: "Sign in",
  refused: "This key is not valid.",
  empty: "Enter a key.",
};
