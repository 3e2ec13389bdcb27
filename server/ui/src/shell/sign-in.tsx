/** Signing in with an API key; the server answers with a cookie that scripts cannot read. */
import { type FormEvent, useState } from "react";
import { signInWords } from "#words/sign-in.ts";
import { words } from "#words/words.ts";
import { ApiError, post } from "../api/client.ts";
import { signedIn } from "../api/session.ts";
import type { SessionBody } from "../api/types.ts";
import { Button } from "../parts/buttons.tsx";
import { TextField } from "../parts/fields.tsx";
import { messageOf } from "../parts/notices.tsx";
import { useTitle } from "./title.ts";

export default function SignIn() {
  useTitle(signInWords.title);
  const [credential, setCredential] = useState("");
  const [problem, setProblem] = useState("");
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!credential.trim()) {
      setProblem(signInWords.empty);
      return;
    }
    setBusy(true);
    try {
      signedIn(await post<SessionBody>("/session", { credential: credential.trim() }));
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
