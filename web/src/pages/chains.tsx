/** Chains: all that are defined, one of them to read, change, prove and try, or a new one. */
import { useEffect, useState } from "react";
import { useChains } from "../api/chains";
import { useActivity } from "../api/overview";
import type { Session } from "../api/session";
import { ago, count } from "../format";
import { Bone, Button, inputClass, Notice, Segments } from "../parts/controls";
import { Icon } from "../parts/icon";
import { Link } from "../parts/link";
import { adjust, href, useRoute } from "../route";
import { ChainPage } from "./chain";
import s from "./chains.module.css";

export function Chains({ session }: { session: Session }) {
  const { params } = useRoute();
  const { permissions } = session.me;
  const id = params.get("id");
  useActivity(["chains"]);
  if (!permissions.includes("content"))
    return (
      <div className={s.column}>
        <h1>Chains</h1>
        <p className="muted">Your role shows figures, not what is defined.</p>
      </div>
    );
  if (id || params.get("new")) return <ChainPage key={id} id={id} permissions={permissions} />;
  return <List mayEdit={permissions.includes("edit")} params={params} />;
}

function List({ mayEdit, params }: { mayEdit: boolean; params: URLSearchParams }) {
  const sought = params.get("q") ?? "";
  const [search, setSearch] = useState(sought);
  const archived = params.get("archived") === "1";
  const chains = useChains(sought, archived);
  useEffect(() => {
    const timer = setTimeout(() => search !== sought && adjust({ q: search || null }, true), 250);
    return () => clearTimeout(timer);
  }, [search, sought]);
  return (
    <div className={s.column}>
      <div className={s.head}>
        <h1>Chains</h1>
        <input
          className={inputClass}
          type="search"
          aria-label="Search chains"
          placeholder="Search by name"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <Segments
          label="Which chains"
          value={archived ? "archived" : "used"}
          options={[
            { value: "used", title: "In use" },
            { value: "archived", title: "Archived" },
          ]}
          onChange={(value) => adjust({ archived: value === "archived" ? "1" : null })}
        />
        {mayEdit && (
          <Button look="primary" onClick={() => adjust({ new: "1", q: null, archived: null })}>
            <Icon name="plus" size={14} /> New chain
          </Button>
        )}
      </div>
      {chains.error && <Notice title="The chains could not be read" text={chains.error.message} />}
      {chains.isPending && <Bone width="60%" />}
      {chains.data?.length === 0 && (
        <p className="muted">
          {sought ? "No chain fits." : archived ? "No chain is archived." : "No chain is defined yet."}
        </p>
      )}
      {chains.data && chains.data.length > 0 && (
        <div className={s.wide}>
          <table className={s.table} aria-label="Chains">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Steps</th>
                <th scope="col">Version</th>
                <th scope="col">Labels</th>
                <th scope="col">Changed</th>
              </tr>
            </thead>
            <tbody>
              {chains.data.map((chain) => (
                <tr key={chain.id} data-id={chain.id}>
                  <th scope="row">
                    <Link href={href("/chains", { id: chain.id })}>{chain.name}</Link>
                    {!chain.isActive && <span className={s.tag}>not active</span>}
                    {chain.description && <small className="clip">{chain.description}</small>}
                  </th>
                  <td>{count(chain.steps.length)}</td>
                  <td>
                    {chain.latestVersion ? `v${chain.latestVersion.version}` : "draft"}
                    {chain.latestVersion && chain.draftChanged && <span className={s.tag}>draft changed</span>}
                  </td>
                  <td>
                    {chain.labels.map(({ label, version }) => (
                      <span key={label} className={s.tag}>
                        {label} → v{version}
                      </span>
                    ))}
                  </td>
                  <td className="muted">{ago(chain.updatedAt)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}
