/** Ask how to run a chain again from a step: with which version, and with what of it changed. */
import { useId, useState, type FormEvent } from "react";
import { object } from "../json";
import { Button, Dialog, inputClass, Notice } from "./controls";
import s from "./detail.module.css";
import { Editor } from "./editor";

export interface Fork {
  version: number | null;
  overrides: unknown;
}

interface Props {
  step: string;
  /** The version that ran. */
  version: number | null;
  problem: string | null;
  busy: boolean;
  onFork: (fork: Fork) => void;
  onClose: () => void;
}

export function ForkDialog({ step, version, problem, busy, onFork, onClose }: Props) {
  const id = useId();
  const [wanted, setWanted] = useState("");
  const [text, setText] = useState("");
  const overrides = object(text);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onFork({ version: wanted ? Number(wanted) : null, overrides: overrides.value });
  };
  return (
    <Dialog title={`Fork from ${step}`} onClose={onClose}>
      <form className={s.form} onSubmit={submit}>
        <p className="muted">
          What ran before this step is taken over at no cost. The rest runs again, as a chain execution of its own.
        </p>
        {problem && <Notice title="It could not be forked" text={problem} />}
        <label htmlFor={`${id}-version`}>Version of the chain</label>
        <input
          id={`${id}-version`}
          className={inputClass}
          inputMode="numeric"
          pattern="[1-9][0-9]{0,8}"
          title="A whole number"
          placeholder={version === null ? "The one that ran" : `${version}, which ran`}
          value={wanted}
          onChange={(event) => setWanted(event.target.value.trim())}
        />
        <span>
          Overrides <span className="muted">for this run alone, as JSON; may be empty</span>
        </span>
        <Editor label="Overrides" value={text} onChange={setText} rows={6} describedBy={`${id}-said`} />
        <p id={`${id}-said`} className={overrides.problem ? s.bad : "muted"} aria-live="polite">
          {overrides.problem ?? (
            <>
              Such as <code>{`{"${step}": {"params": {"temperature": 0}}}`}</code>
            </>
          )}
        </p>
        <Button type="submit" look="primary" disabled={busy || overrides.problem !== null}>
          Fork and run
        </Button>
      </form>
    </Dialog>
  );
}
