/** An empty workspace: three things to copy, and a page that comes alive with the first execution. */
import { useKeys, type Session } from "../api/session";
import { Snippet } from "../parts/controls";
import s from "./welcome.module.css";

export function Welcome({ session }: { session: Session }) {
  const keys = useKeys();
  const key = keys.data?.find((one) => !one.revokedAt);
  const url = location.origin;
  const secret = key ? `${key.hint}…` : "pf_…";
  const environment = `export PROMPTFORGE_URL=${url}\nexport PROMPTFORGE_API_KEY=${secret}`;
  const body = `{"query":"mutation { executePrompt(input: {content: \\"Say hello\\", params: {model: \\"demo-1\\"}}) { id output } }"}`;
  const curl = `curl $PROMPTFORGE_URL/graphql \\\n  -H "Authorization: Bearer $PROMPTFORGE_API_KEY" \\\n  -H "Content-Type: application/json" \\\n  -d '${body}'`;
  const python = `from promptforge import PromptForge\n\nforge = PromptForge()\nprint(forge.executions.list(limit=5))`;
  const steps = [
    { title: "Set the address and the key", text: environment, label: "Environment" },
    { title: "Run something with curl", text: curl, label: "curl" },
    { title: "Or from Python", text: python, label: "Python client" },
  ];
  return (
    <div className={s.page}>
      <div className={s.box}>
        <h1>
          <span className={s.pulse} aria-hidden="true" />
          Waiting for the first execution
        </h1>
        <p>
          The workspace <b>{session.workspace.name}</b> is empty. Run a prompt in one of these ways and this page comes alive.
          {key && (
            <>
              {" "}
              The key <b>{key.name}</b> begins with <code>{key.hint}</code>; its secret was shown when it was made.
            </>
          )}
        </p>
        <ol>
          {steps.map((step) => (
            <li key={step.label}>
              <h2>{step.title}</h2>
              <Snippet text={step.text} label={step.label} />
            </li>
          ))}
        </ol>
      </div>
    </div>
  );
}
