/** Signing in, with an API key or at a provider; the answer is a cookie that scripts cannot read. */
import { type FormEvent, useEffect, useState } from "react";
import { signInWords } from "#words/sign-in.ts";
import { words } from "#words/words.ts";
import { ApiError, get, post } from "../api/client.ts";
import { signedIn } from "../api/session.ts";
import type { SessionBody, SignInMethods } from "../api/types.ts";
import { Button } from "../parts/buttons.tsx";
import { TextField } from "../parts/fields.tsx";
import { messageOf } from "../parts/notices.tsx";
import { useQuery } from "./router.tsx";
import { useTitle } from "./title.ts";

// The server leads back to a page with this parameter if a sign-in at a provider fails.
const PROBLEM = "sign_in";

export default function SignIn() {
  useTitle(signInWords.title);
  const [query, change] = useQuery();
  const [credential, setCredential] = useState("");
  const [problem, setProblem] = useState("");
  const [isBusy, setBusy] = useState(false);
  const failed = query.get(PROBLEM);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!credential.trim()) {
      setProblem(signInWords.empty);
      return;
    }
    setBusy(true);
    try {
      const who = await post<SessionBody>("/session", { credential: credential.trim() });
      change({ [PROBLEM]: null });
      signedIn(who);
    } catch (error) {
      const isRefused = error instanceof ApiError && error.status === 401;
      setProblem(isRefused ? signInWords.refused : messageOf(error));
      setBusy(false);
    }
  };
  return (
    <main className="sign-in">
      <img src="/ui/assets/icon.svg" alt="" width="48" height="48" />
      <h1>
        {signInWords.title} · {words.product}
      </h1>
      {failed && (
        <p className="notice error" role="alert">
          {signInWords.problems[failed] ?? signInWords.unknownProblem}
        </p>
      )}
      <Provider />
      <form onSubmit={submit}>
        <TextField
          label={signInWords.key}
          hint={signInWords.hint}
          error={problem}
          type="password"
          autoComplete="current-password"
          value={credential}
          onChange={(event) => setCredential(event.target.value)}
        />
        <Button type="submit" kind="primary" isBusy={isBusy}>
          {signInWords.submit}
        </Button>
      </form>
    </main>
  );
}

/** Leads to the provider of the server, if it has one; the person returns to this very page. */
function Provider() {
  const [methods, setMethods] = useState<SignInMethods | null>(null);
  useEffect(() => {
    // Without an answer, a key is what is left to sign in with.
    get<SignInMethods>("/session/methods").then(setMethods, () => undefined);
  }, []);
  if (!methods?.openid) return null;
  const here = new URL(location.href);
  here.searchParams.delete(PROBLEM);
  const page = here.pathname.startsWith("/ui/") ? here.pathname + here.search : "";
  const query = page ? `?${new URLSearchParams({ page })}` : "";
  return (
    <>
      <a className="button primary" href={methods.openid.begin + query}>
        {signInWords.at(methods.openid.name)}
      </a>
      <p className="hint">{signInWords.or}</p>
    </>
  );
}
