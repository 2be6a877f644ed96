/** Not logged in: how to get in. */
import { Snippet } from "../parts/controls";
import { Mark } from "../parts/icon";
import s from "./shell.module.css";

export function Login() {
  return (
    <main className={s.alone}>
      <div className={s.login}>
        <Mark size={32} />
        <h1>Log in to Prompt Forge</h1>
        <p>
          The server prints a login link when it starts. Open that link in this browser; it works once. For a new one,
          start the server again:
        </p>
        <div>
          <Snippet text="promptforge serve" label="Start the server" />
        </div>
        <p>Programs do not log in: they send an API key, as the documentation of the API shows.</p>
      </div>
    </main>
  );
}
