/** What stands around every page: navigation, workspace, live state, theme, user. */
import { useEffect, useState, type ReactNode } from "react";
import { enterWorkspace, rememberWorkspace } from "../api/client";
import { useConnection } from "../api/live";
import { useActivity } from "../api/overview";
import { logOut, useLoading, type Session } from "../api/session";
import { count } from "../format";
import { Divider, IconButton, Menu, MenuItem } from "../parts/controls";
import { Help } from "../parts/help";
import { Icon, Mark, type IconName } from "../parts/icon";
import { Link } from "../parts/link";
import { go, href, useRoute } from "../route";
import { setMode, toggleMode, useMode, type Mode } from "../theme/mode";
import { Keys } from "./keys";
import s from "./shell.module.css";

const PAGES: readonly { path: string; title: string; icon: IconName; key: string }[] = [
  { path: "/", title: "Overview", icon: "overview", key: "g o" },
  { path: "/executions", title: "Executions", icon: "executions", key: "g e" },
  { path: "/chain-executions", title: "Chain executions", icon: "runs", key: "g x" },
  { path: "/chains", title: "Chains", icon: "chains", key: "g c" },
  { path: "/prompts", title: "Prompts", icon: "prompt", key: "g m" },
  { path: "/playground", title: "Playground", icon: "play", key: "g p" },
  { path: "/services", title: "Services", icon: "services", key: "g s" },
  { path: "/connect", title: "Connect", icon: "plug", key: "g n" },
  { path: "/import", title: "Import", icon: "import", key: "g i" },
  { path: "/health", title: "Health", icon: "health", key: "g h" },
];
const SETTINGS: typeof PAGES = [
  { path: "/settings/providers", title: "Providers", icon: "globe", key: "g v" },
  { path: "/settings/keys", title: "API keys", icon: "key", key: "g k" },
];

/** Whether a key press belongs to what is being typed. */
export function typing(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement;
  return (
    event.metaKey ||
    event.ctrlKey ||
    event.altKey ||
    /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) ||
    target.closest("dialog, [role=dialog]") !== null
  );
}

function useShortcuts(help: () => void): void {
  useEffect(() => {
    let g = 0;
    const onKey = (event: KeyboardEvent) => {
      if (typing(event)) return;
      if (event.key === "?") help();
      else if (event.key === "t") toggleMode();
      else if (event.key === "g") g = Date.now();
      else if (Date.now() - g < 1_000) {
        const page = [...PAGES, ...SETTINGS].find((one) => one.key.endsWith(event.key));
        g = 0;
        if (page) go(href(page.path));
      }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [help]);
}

function Workspaces({ session }: { session: Session }) {
  const name = session.workspace.name;
  return (
    <Menu
      label="Workspaces"
      triggerClass={s.workspace}
      trigger={
        <>
          <Mark size={22} />
          <span className="clip">
            <b className="clip">{name}</b>
            <small>Prompt Forge</small>
          </span>
          <span className="sr">, workspace; switch</span>
          <Icon name="updown" />
        </>
      }
    >
      {(close) =>
        session.me.workspaces.map(({ workspace, role }) => (
          <MenuItem
            key={workspace.id}
            onClick={() => (workspace.id === session.workspace.id ? close() : enterWorkspace(workspace.id))}
          >
            <span style={{ flex: 1 }}>{workspace.name}</span>
            <span className="faint">{role.toLowerCase()}</span>
            <span style={{ width: 16 }}>{workspace.id === session.workspace.id && <Icon name="check" />}</span>
          </MenuItem>
        ))
      }
    </Menu>
  );
}

const MODES: readonly { value: Mode; title: string }[] = [
  { value: "system", title: "System theme" },
  { value: "light", title: "Light" },
  { value: "dark", title: "Dark" },
];

function User({ session, onKeys, onHelp }: { session: Session; onKeys: () => void; onHelp: () => void }) {
  const { me } = session;
  const mode = useMode();
  return (
    <Menu
      label="User menu"
      side="above"
      triggerClass={s.user}
      trigger={
        <>
          <span className={s.face} aria-hidden="true">
            {me.name.slice(0, 1).toUpperCase()}
          </span>
          <span className="clip">
            <span className="clip">{me.name}</span>
            <small className="clip">{me.role.toLowerCase()}</small>
          </span>
          <span className="sr">, user menu</span>
          <Icon name="updown" />
        </>
      }
    >
      {(close) => (
        <>
          <MenuItem icon="key" onClick={() => (close(), onKeys())}>
            API keys
          </MenuItem>
          <MenuItem icon="help" onClick={() => (close(), onHelp())}>
            Keyboard shortcuts
          </MenuItem>
          <Divider />
          {MODES.map(({ value, title }) => (
            <MenuItem
              key={value}
              icon={mode === value ? "check" : value === "light" ? "sun" : value === "dark" ? "moon" : "updown"}
              onClick={() => setMode(value)}
            >
              {title}
            </MenuItem>
          ))}
          <Divider />
          <MenuItem icon="leave" onClick={() => void logOut()}>
            Log out
          </MenuItem>
        </>
      )}
    </Menu>
  );
}

function Pages({ pages, path, labelledBy }: { pages: typeof PAGES; path: string; labelledBy?: string }) {
  return (
    <ul aria-labelledby={labelledBy}>
      {pages.map((page) => (
        <li key={page.path}>
          <Link
            className={s.nav}
            href={href(page.path)}
            aria-current={path === page.path ? "page" : undefined}
            aria-label={page.title}
          >
            <Icon name={page.icon} />
            <span>{page.title}</span>
            <kbd aria-hidden="true">{page.key}</kbd>
          </Link>
        </li>
      ))}
    </ul>
  );
}

const CONNECTION = { live: "Live", connecting: "Connecting", offline: "Reconnecting" } as const;

export function Shell({ session, title, children }: { session: Session; title: string; children: ReactNode }) {
  const { path } = useRoute();
  const [dialog, setDialog] = useState<"keys" | "help" | null>(null);
  const connection = useConnection();
  const loading = useLoading();
  const [help] = useState(() => () => setDialog("help"));
  useShortcuts(help);
  useActivity(["loading"]); // so that every page is live, whether it listens to something or not
  useEffect(() => rememberWorkspace(session.workspace.id), [session.workspace.id]);

  return (
    <div className={s.shell}>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <header className={s.side}>
        <Workspaces session={session} />
        <nav aria-label="Main">
          <Pages pages={PAGES} path={path} />
          <h2 className={s.navGroup} id="settings">
            Settings
          </h2>
          <Pages pages={SETTINGS} path={path} labelledBy="settings" />
        </nav>
        <div className={s.foot}>
          <span className={s.live} role="status" title={CONNECTION[connection]}>
            <span className={s.dot} data-state={connection} />
            <span>{CONNECTION[connection]}</span>
          </span>
          <IconButton small icon="help" label="Keyboard shortcuts" onClick={help} />
          <IconButton small icon="moon" label="Switch theme" onClick={toggleMode} />
        </div>
        <User session={session} onKeys={() => setDialog("keys")} onHelp={help} />
      </header>
      <main id="main" className={s.main} aria-label={title} tabIndex={-1}>
        {loading && (
          <div className={s.progress}>
            <span
              role="progressbar"
              aria-label="Loading the demo"
              aria-valuenow={loading.done}
              aria-valuemin={0}
              aria-valuemax={loading.total}
            >
              Loading the demo: {count(loading.done)} of {count(loading.total)} executions
            </span>
            <i style={{ transform: `scaleX(${loading.total ? loading.done / loading.total : 0})` }} />
          </div>
        )}
        {children}
      </main>
      {dialog === "keys" && <Keys session={session} onClose={() => setDialog(null)} />}
      {dialog === "help" && <Help onClose={() => setDialog(null)} />}
    </div>
  );
}
