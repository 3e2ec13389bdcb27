/** Signing out, here and, if the server is set up so, at the provider of a person, too. */
import { call, get } from "../api/client.ts";
import { session } from "../api/session.ts";
import type { SignInMethods } from "../api/types.ts";

export async function signOut(): Promise<void> {
  const isPerson = session.get().who?.caller.startsWith("user ") ?? false;
  await call("DELETE", "/session");
  const methods = isPerson ? await get<SignInMethods>("/session/methods") : null;
  if (methods?.openid?.sign_out) location.assign(methods.openid.sign_out);
  else session.set({ state: "unknown", who: null, csrfToken: null });
}
