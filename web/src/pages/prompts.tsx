/** Prompts: all that are defined, and one with its versions. A new one is written in the playground. */
import { useEffect, useState } from "react";
import { useActivity } from "../api/overview";
import { usePromptList } from "../api/prompts";
import type { Session } from "../api/session";
import { ago } from "../format";
import { Bone, Button, inputClass, Notice, Segments } from "../parts/controls";
import d from "../parts/detail.module.css";
import { Icon } from "../parts/icon";
import { Link } from "../parts/link";
import { adjust, go, href, useRoute } from "../route";
import s from "./chains.module.css";
import { PromptPage } from "./prompt";

export function Prompts({ session }: { session: Session }) {
  const { params } = useRoute();
  const { permissions } = session.me;
  const id = params.get("id");
  useActivity(["prompts"]);
  if (!permissions.includes("content"))
    return (
      <div className={s.column}>
        <h1>Prompts</h1>
        <p className="muted">Your role shows figures, not what is defined.</p>
      </div>
    );
  return id ? <PromptPage key={id} id={id} permissions={permissions} /> : <List params={params} mayEdit={permissions.includes("edit")} />;
}

function List({ params, mayEdit }: { params: URLSearchParams; mayEdit: boolean }) {
  const sought = params.get("q") ?? "";
  const [search, setSearch] = useState(sought);
  const archived = params.get("archived") === "1";
  const prompts = usePromptList(sought, archived);
  useEffect(() => {
    const timer = setTimeout(() => search !== sought && adjust({ q: search || null }, true), 250);
    return () => clearTimeout(timer);
  }, [search, sought]);
  return (
    <div className={s.column}>
      <div className={s.head}>
        <h1>Prompts</h1>
        <input
          className={inputClass}
          type="search"
          aria-label="Search prompts"
          placeholder="Search by name"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <Segments
          label="Which prompts"
          value={archived ? "archived" : "used"}
          options={[
            { value: "used", title: "In use" },
            { value: "archived", title: "Archived" },
          ]}
          onChange={(value) => adjust({ archived: value === "archived" ? "1" : null })}
        />
        {mayEdit && (
          <Button look="primary" onClick={() => go(href("/playground"))}>
            <Icon name="plus" size={14} /> Write one
          </Button>
        )}
      </div>
      {prompts.error && <Notice title="The prompts could not be read" text={prompts.error.message} />}
      {prompts.isPending && <Bone width="60%" />}
      {prompts.data?.length === 0 && (
        <p className="muted">
          {sought ? (
            "No prompt fits."
          ) : archived ? (
            "No prompt is archived."
          ) : (
            <>
              No prompt is defined yet. Write one in the{" "}
              <Link className={d.link} href={href("/playground")}>
                playground
              </Link>{" "}
              and save it.
            </>
          )}
        </p>
      )}
      {prompts.data && prompts.data.length > 0 && (
        <div className={s.wide} tabIndex={0} role="group" aria-label="Prompts, scrolls sideways">
          <table className={s.table} aria-label="Prompts">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Version</th>
                <th scope="col">Model</th>
                <th scope="col">Labels</th>
                <th scope="col">Changed</th>
              </tr>
            </thead>
            <tbody>
              {prompts.data.map((prompt) => (
                <tr key={prompt.id}>
                  <th scope="row">
                    <Link href={href("/prompts", { id: prompt.id })}>{prompt.name}</Link>
                    {prompt.description && <small className="clip">{prompt.description}</small>}
                  </th>
                  <td>{prompt.latestVersion ? `v${prompt.latestVersion.version}` : "none yet"}</td>
                  <td>{prompt.latestVersion?.model ?? "–"}</td>
                  <td>
                    {prompt.labels.map(({ label, version }) => (
                      <span key={label} className={s.tag}>
                        {label} → v{version}
                      </span>
                    ))}
                  </td>
                  <td className="muted">{ago(prompt.updatedAt)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}
