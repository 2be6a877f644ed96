/** The keyboard, explained. */
import { Fragment } from "react";
import s from "../pages/shell.module.css";
import { Dialog, Key } from "./controls";

const KEYS: readonly [string, readonly (readonly [string, readonly string[]])[]][] = [
  [
    "Everywhere",
    [
      ["Go to the overview", ["g", "o"]],
      ["Go to executions", ["g", "e"]],
      ["Go to chain executions", ["g", "x"]],
      ["Go to chains", ["g", "c"]],
      ["Go to prompts", ["g", "m"]],
      ["Go to the playground", ["g", "p"]],
      ["Go to services", ["g", "s"]],
      ["Go to connect", ["g", "n"]],
      ["Go to import", ["g", "i"]],
      ["Go to health", ["g", "h"]],
      ["Go to providers", ["g", "v"]],
      ["Go to API keys", ["g", "k"]],
      ["Switch theme", ["t"]],
      ["This help", ["?"]],
    ],
  ],
  [
    "Executions",
    [
      ["Search", ["/"]],
      ["Next, previous", ["j", "k"]],
      ["Open the selected one", ["Enter"]],
      ["Close it", ["Esc"]],
      ["Live tail on or off", ["l"]],
      ["Row height", ["d"]],
    ],
  ],
  [
    "Chain executions",
    [
      ["Next, previous run or step", ["j", "k"]],
      ["Close the step, the run", ["Esc"]],
    ],
  ],
  ["Playground", [["Run all columns", ["Ctrl", "Enter"]]]],
  ["Charts", [["Read day by day", ["←", "→"]]]],
];

export function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      {KEYS.map(([title, rows]) => (
        <Fragment key={title}>
          <h3 className={s.helpTitle}>{title}</h3>
          <dl>
            {rows.map(([what, keys]) => (
              <div key={what} className={s.helpRow}>
                <dt>{what}</dt>
                <dd>
                  {keys.map((key) => (
                    <Key key={key}>{key}</Key>
                  ))}
                </dd>
              </div>
            ))}
          </dl>
        </Fragment>
      ))}
    </Dialog>
  );
}
