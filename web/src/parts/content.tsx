/** Recorded content. It is hostile until proven otherwise, so it is only ever shown as text: never as markup or links. */
import { useState, type ReactNode } from "react";
import { Copy } from "./controls";
import s from "./content.module.css";

const TOKENS = /("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const MOST_COLOURED = 30_000;

/** JSON with colours; plain where it is too long for that. */
function coloured(text: string): ReactNode {
  if (text.length > MOST_COLOURED) return text;
  const parts: ReactNode[] = [];
  let end = 0;
  for (const match of text.matchAll(TOKENS)) {
    parts.push(text.slice(end, match.index));
    const name = match[1] ? (match[2] ? s.key : s.string) : match[3] ? s.word : s.number;
    parts.push(
      <span key={match.index} className={name}>
        {match[1] ?? match[0]}
      </span>,
    );
    if (match[2]) parts.push(match[2]);
    end = match.index + match[0].length;
  }
  parts.push(text.slice(end));
  return parts;
}

/** The value as indented JSON when the text holds an object or a list; null otherwise. */
export function pretty(text: string): string | null {
  if (!/^\s*[[{]/.test(text)) return null;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return null;
  }
}

function Body({ text, code, label }: { text: string; code: boolean; label: string }) {
  const [open, setOpen] = useState(false);
  const long = text.length > 2_400 || text.split("\n", 26).length > 24;
  return (
    <>
      <pre
        className={s.text}
        data-kind={code ? "code" : "text"}
        data-open={open || !long}
        tabIndex={0}
        role="group"
        aria-label={label}
      >
        {code ? coloured(text) : text}
      </pre>
      {long && (
        <button type="button" className={s.more} onClick={() => setOpen(!open)}>
          {open ? "Show less" : "Show all"}
        </button>
      )}
    </>
  );
}

export function Text({ text, label, code }: { text: string; label: string; code?: boolean }) {
  const json = code ? null : pretty(text);
  return (
    <div className={s.box}>
      <Body text={json ?? text} code={json !== null || code === true} label={label} />
      <span className={s.copy}>
        <Copy value={text} label={`Copy ${label.toLowerCase()}`} />
      </span>
    </div>
  );
}

export function Json({ value, label }: { value: unknown; label: string }) {
  if (typeof value === "string") return <Text text={value} label={label} />;
  const text = JSON.stringify(value, null, 2) ?? "";
  return (
    <div className={s.box}>
      <Body text={text} code label={label} />
      <span className={s.copy}>
        <Copy value={text} label={`Copy ${label.toLowerCase()}`} />
      </span>
    </div>
  );
}

interface Said {
  role: string;
  content: unknown;
}

/** The turns of a request in either provider's form; empty when there are none to find. */
export function turns(request: unknown): Said[] {
  if (typeof request !== "object" || request === null) return [];
  const { system, messages } = request as { system?: unknown; messages?: unknown };
  if (!Array.isArray(messages)) return [];
  const said = messages.filter(
    (one): one is Said => typeof one === "object" && one !== null && typeof (one as Said).role === "string",
  );
  return system ? [{ role: "system", content: system }, ...said] : said;
}

export function plain(content: unknown): string {
  if (typeof content === "string") return content;
  if (Array.isArray(content) && content.every((one) => typeof (one as { text?: unknown })?.text === "string"))
    return content.map((one) => (one as { text: string }).text).join("\n\n");
  return JSON.stringify(content, null, 2) ?? "";
}

export function Turns({ said }: { said: readonly Said[] }) {
  return said.map((one, index) => (
    <div key={index} className={`${s.box} ${s.message}`}>
      <span className={s.role}>{one.role}</span>
      <Body text={plain(one.content)} code={false} label={`${one.role}, turn ${index + 1}`} />
      <span className={s.copy}>
        <Copy value={plain(one.content)} label={`Copy turn ${index + 1}`} />
      </span>
    </div>
  ));
}
