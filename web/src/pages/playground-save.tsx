/** Save a column as a version: what it changes, of which prompt, and under which label. */
import { useState, type FormEvent } from "react";
import { useSaveVersion } from "../api/playground";
import { Button, Dialog, Notice, Segments } from "../parts/controls";
import { Diff } from "../parts/diff";
import { TextField } from "../parts/fields";
import s from "../parts/playground.module.css";
import { difference, version, type Base, type Column } from "../playground";

interface Props {
  column: Column;
  onSaved: (base: Base) => void;
  onClose: () => void;
}

export function SaveDialog({ column: one, onSaved, onClose }: Props) {
  const { base } = one;
  const [into, setInto] = useState<"same" | "new">(base ? "same" : "new");
  const [name, setName] = useState("");
  const [label, setLabel] = useState("");
  const save = useSaveVersion();
  const fresh = into === "new" || !base;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate(
      {
        promptId: fresh ? null : base.promptId,
        name: name.trim(),
        version: { ...version(one), label: label.trim() || null },
      },
      { onSuccess: onSaved },
    );
  };
  const text = difference(one);
  return (
    <Dialog title="Save as a version" onClose={onClose}>
      <form className={s.save} onSubmit={submit}>
        {base && (
          <Segments
            label="Which prompt"
            value={into}
            options={[
              { value: "same", title: `Next version of ${base.promptName}` },
              { value: "new", title: "A new prompt" },
            ]}
            onChange={setInto}
          />
        )}
        {fresh && (
          <TextField
            label="Name of the new prompt"
            value={name}
            onChange={setName}
            placeholder="Such as support-reply"
            hint="Kept in lower case with dashes."
          />
        )}
        <TextField
          label="Label"
          note="optional"
          value={label}
          onChange={setLabel}
          placeholder="Such as staging"
          hint="Points at the new version from then on, and no longer at another of the same prompt."
        />
        <div>
          <p className={s.hint}>{base ? `Since version ${base.version} of ${base.promptName}` : "All of it is new"}</p>
          <Diff text={text} label="What is saved" />
        </div>
        {save.error && <Notice title="It could not be saved" text={save.error.message} />}
        <Button type="submit" look="primary" disabled={save.isPending || (fresh && !name.trim())}>
          Save
        </Button>
      </form>
    </Dialog>
  );
}
