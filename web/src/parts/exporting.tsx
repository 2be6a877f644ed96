/** The menu that exports: which format, and whether inputs and outputs are in it. It shows and reports. */
import { useState } from "react";
import type { ExportFormat } from "../api/exporting";
import { Divider, Menu, MenuItem } from "./controls";
import s from "./exporting.module.css";
import { Icon } from "./icon";

const FORMATS: readonly { name: ExportFormat; title: string }[] = [
  { name: "jsonl", title: "JSON lines" },
  { name: "csv", title: "CSV" },
  { name: "parquet", title: "Parquet" },
];

interface Props {
  /** Whether there is content to be had. */
  content: boolean;
  onExport: (format: ExportFormat, content: boolean) => void;
}

export function ExportMenu({ content, onExport }: Props) {
  const [wanted, setWanted] = useState(true);
  const trigger = (
    <>
      <Icon name="export" />
      Export
    </>
  );
  return (
    <Menu label="Export" trigger={trigger} align="end" width={268}>
      {(close) => (
        <>
          <p className={s.note}>All that is finished and passes the filters.</p>
          {FORMATS.map(({ name, title }) => (
            <MenuItem
              key={name}
              onClick={() => {
                close();
                onExport(name, content && wanted);
              }}
            >
              {title}
            </MenuItem>
          ))}
          {content && (
            <>
              <Divider />
              <label className={s.choice}>
                <input type="checkbox" checked={wanted} onChange={(event) => setWanted(event.target.checked)} />
                With inputs and outputs
              </label>
            </>
          )}
        </>
      )}
    </Menu>
  );
}
