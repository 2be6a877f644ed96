/** The dashboard: who is here decides between logging in and the pages, the address decides which page. */
import { lazy, Suspense, useEffect, type ComponentType } from "react";
import { leaveWorkspace, Problem } from "./api/client";
import { useSession } from "./api/session";
import { ChainExecutions } from "./pages/chain-executions";
import { Chains } from "./pages/chains";
import { Connect } from "./pages/connect";
import { Executions } from "./pages/executions";
import { Health } from "./pages/health";
import { Import } from "./pages/importing";
import { KeysPage } from "./pages/keys";
import { Login } from "./pages/login";
import { Overview } from "./pages/overview";
import { Services } from "./pages/services";
import { Shell } from "./pages/shell";
import { Boundary } from "./parts/boundary";
import { Notice } from "./parts/controls";
import { href, useRoute } from "./route";
import { Link } from "./parts/link";
import s from "./pages/shell.module.css";

/**
 * Pages that are not needed for the first one are loaded when they are asked for. Where that fails, the server has
 * become another one since this tab was opened: it is loaded anew, once.
 */
function page<Props>(load: () => Promise<ComponentType<Props>>) {
  const RETRIED = "promptforge.reloaded";
  return lazy(async () => {
    try {
      const found = await load();
      sessionStorage.removeItem(RETRIED);
      return { default: found };
    } catch (error) {
      if (sessionStorage.getItem(RETRIED)) throw error;
      sessionStorage.setItem(RETRIED, "1");
      location.reload();
      return new Promise<never>(() => undefined);
    }
  });
}
const Playground = page(async () => (await import("./pages/playground")).Playground);
const Prompts = page(async () => (await import("./pages/prompts")).Prompts);
const Providers = page(async () => (await import("./pages/providers")).Providers);

const TITLES: Record<string, string> = {
  "/": "Overview",
  "/executions": "Executions",
  "/chain-executions": "Chain executions",
  "/chains": "Chains",
  "/playground": "Playground",
  "/prompts": "Prompts",
  "/services": "Services",
  "/connect": "Connect",
  "/health": "Health",
  "/import": "Import",
  "/settings/providers": "Providers",
  "/settings/keys": "API keys",
};

export function App() {
  const session = useSession();
  const { path } = useRoute();
  const title = TITLES[path] ?? "Not found";
  useEffect(() => {
    document.title = `${title} · Prompt Forge`;
  }, [title]);

  if (session.error instanceof Problem && session.error.loggedOut) return <Login />;
  if (session.error && !session.data)
    return (
      <main className={s.alone}>
        <Notice
          title="The dashboard cannot be shown"
          text={session.error.message}
          onRetry={() => {
            // A workspace that was looked at last may be gone; the server then chooses.
            if (session.error instanceof Problem && session.error.code === "FORBIDDEN") leaveWorkspace();
            else void session.refetch();
          }}
        />
      </main>
    );
  if (!session.data) return <main className={s.alone} aria-busy="true" aria-label="Loading" />;
  return (
    <Shell session={session.data} title={title}>
      <Boundary key={path}>
        <Suspense fallback={<div className={s.alone} aria-busy="true" aria-label="Loading" />}>
          {path === "/" ? (
            <Overview session={session.data} />
          ) : path === "/executions" ? (
            <Executions session={session.data} />
          ) : path === "/chain-executions" ? (
            <ChainExecutions session={session.data} />
          ) : path === "/chains" ? (
            <Chains session={session.data} />
          ) : path === "/prompts" ? (
            <Prompts session={session.data} />
          ) : path === "/playground" ? (
            <Playground session={session.data} />
          ) : path === "/settings/providers" ? (
            <Providers session={session.data} />
          ) : path === "/settings/keys" ? (
            <KeysPage />
          ) : path === "/services" ? (
            <Services />
          ) : path === "/connect" ? (
            <Connect session={session.data} />
          ) : path === "/health" ? (
            <Health />
          ) : path === "/import" ? (
            <Import />
          ) : (
            <div className={s.alone}>
              <h1>There is nothing at this address</h1>
              <Link href={href("/")}>Go to the overview</Link>
            </div>
          )}
        </Suspense>
      </Boundary>
    </Shell>
  );
}
