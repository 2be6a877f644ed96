/** An empty workspace: three things to copy, and a page that comes alive with the first execution. */
import { enterWorkspace } from "../api/client";
import { useCreateKey, useKeys, type Session } from "../api/session";
import { Button, Notice, Snippet } from "../parts/controls";
import { Link } from "../parts/link";
import { href } from "../route";
import s from "./welcome.module.css";

const MODEL = "demo-small";
const QUERY = `mutation { executePrompt(input: {content: "Say hello", params: {model: "${MODEL}"}}) { id output } }`;

export function Welcome({ session }: { session: Session }) {
  const keys = useKeys();
  const demo = session.me.workspaces.find(
    ({ workspace }) => workspace.id === "demo" && session.workspace.id !== "demo",
  );
  const create = useCreateKey();
  const key = keys.data?.find((one) => !one.revokedAt);
  const made = create.data?.createKey;
  const secret = made?.secret ?? `${key?.hint ?? "pf_"}…`;
  const environment = `export PROMPTFORGE_URL=${location.origin}\nexport PROMPTFORGE_API_KEY=${secret}`;
  const curl = `curl $PROMPTFORGE_URL/graphql -H "Authorization: Bearer $PROMPTFORGE_API_KEY" \\\n  -H "Content-Type: application/json" -d '${JSON.stringify({ query: QUERY })}'`;
  const python = `from promptforge import PromptForge\n\nprint(PromptForge().run("${MODEL}", "Say hello").output)`;
  return (
    <div className={s.page}>
      <div className={s.box}>
        <h1>
          <span className={s.pulse} aria-hidden="true" />
          Waiting for the first execution
        </h1>
        <p>
          The workspace <b>{session.workspace.name}</b> is empty. Run something in one of these ways and this page comes
          alive.
        </p>
        {demo && (
          <p>
            Or look around first: the workspace <b>demo</b> holds made-up executions.{" "}
            <Button small onClick={() => enterWorkspace(demo.workspace.id)}>
              Open the demo
            </Button>
          </p>
        )}
        <p>
          Calls that your programs make already come here by themselves: <Link href={href("/connect")}>connect them</Link>.
        </p>
        {create.error && <Notice title="No key was created" text={create.error.message} />}
        <ol>
          <li>
            <h2>Set the address and the key</h2>
            <Snippet text={environment} label="Environment" />
            {made ? (
              <p className={s.note}>The key is filled in. It is not shown again once you leave this page.</p>
            ) : (
              <p className={s.note}>
                {key ? (
                  <>
                    Put in the secret of your key <b>{key.name}</b>, which begins with <code>{key.hint}</code>. Lost it?
                  </>
                ) : (
                  "You have no key here yet."
                )}{" "}
                <Button
                  small
                  disabled={create.isPending}
                  onClick={() => create.mutate({ name: "first-steps", scopes: ["RUN", "READ", "INGEST"] })}
                >
                  Create a key and fill it in
                </Button>
              </p>
            )}
          </li>
          <li>
            <h2>Run something with curl</h2>
            <Snippet text={curl} label="curl" />
          </li>
          <li>
            <h2>Or from Python</h2>
            <Snippet text={python} label="Python client" />
          </li>
        </ol>
        <p className={s.note}>
          <code>{MODEL}</code> is a simulated model, which needs no provider and no key of one.
        </p>
      </div>
    </div>
  );
}
