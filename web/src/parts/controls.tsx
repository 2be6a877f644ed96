/** The small things that are pressed: buttons, segments, menus, dialogs, copying. */
import {
  useEffect,
  useId,
  useRef,
  useState,
  type ButtonHTMLAttributes,
  type CSSProperties,
  type KeyboardEvent,
  type ReactNode,
} from "react";
import s from "./controls.module.css";
import { Icon, type IconName } from "./icon";

type Look = "primary" | "quiet" | "danger" | "on";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: Look | undefined;
  small?: boolean;
  square?: boolean;
}

export function Button({ look, small, square, className, ...rest }: ButtonProps) {
  const names = [s.button, look && s[look], small && s.small, square && s.square, className];
  return <button type="button" className={names.filter(Boolean).join(" ")} {...rest} />;
}

export function IconButton({ icon, label, ...rest }: { icon: IconName; label: string } & ButtonProps) {
  return (
    <Button look="quiet" square aria-label={label} title={label} {...rest}>
      <Icon name={icon} />
    </Button>
  );
}

export function Segments<Value extends string>(props: {
  label: string;
  value: Value;
  options: readonly { value: Value; title: string }[];
  onChange: (value: Value) => void;
}) {
  return (
    <div role="group" aria-label={props.label} className={s.segments}>
      {props.options.map((option) => (
        <button
          key={option.value}
          type="button"
          className={s.segment}
          aria-pressed={option.value === props.value}
          onClick={() => props.onChange(option.value)}
        >
          {option.title}
        </button>
      ))}
    </div>
  );
}

/** A button that opens a panel; Escape and a click elsewhere close it and the focus comes back. */
export function Menu(props: {
  label: string;
  trigger: ReactNode;
  triggerClass?: string | undefined;
  side?: "below" | "above";
  align?: "start" | "end";
  width?: number;
  onToggle?: (open: boolean) => void;
  children: (close: () => void) => ReactNode;
}) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  const turn = (next: boolean) => {
    setOpen(next);
    props.onToggle?.(next);
  };
  const latest = useRef(turn);
  useEffect(() => {
    latest.current = turn;
  });
  const close = () => {
    turn(false);
    button.current?.focus();
  };
  useEffect(() => {
    if (!open) return;
    const panel = document.getElementById(id);
    const over = (panel?.getBoundingClientRect().right ?? 0) - innerWidth + 8;
    if (panel && over > 0) panel.style.marginLeft = `${-over}px`;
    const outside = (event: PointerEvent) => {
      if (!box.current?.contains(event.target as Node)) latest.current(false);
    };
    document.addEventListener("pointerdown", outside);
    box.current
      ?.querySelector<HTMLElement>("[data-autofocus], [role=menuitem], input, a, button:not([aria-haspopup])")
      ?.focus();
    return () => document.removeEventListener("pointerdown", outside);
  }, [open, id]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (!open) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      close();
    }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const items = [
        ...(box.current?.querySelectorAll<HTMLElement>(`.${s.menu} :is(a, button, input[type=checkbox])`) ?? []),
      ];
      const at = items.indexOf(document.activeElement as HTMLElement);
      const next = items[(at + (event.key === "ArrowDown" ? 1 : -1) + items.length) % items.length];
      next?.focus();
      event.preventDefault();
    }
  };
  const place = [s.menu, s[props.side ?? "below"], s[props.align ?? "start"]].join(" ");
  return (
    <div className={s.anchor} ref={box} onKeyDown={onKeyDown}>
      <button
        ref={button}
        type="button"
        className={props.triggerClass ?? s.button}
        aria-haspopup="dialog"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => turn(!open)}
      >
        {props.trigger}
      </button>
      {open && (
        <div
          id={id}
          role="dialog"
          aria-label={props.label}
          className={place}
          style={props.width ? { width: props.width } : undefined}
        >
          {props.children(close)}
        </div>
      )}
    </div>
  );
}

export function MenuItem(props: { icon?: IconName; children: ReactNode; onClick: () => void }) {
  return (
    <button type="button" className={s.item} onClick={props.onClick}>
      {props.icon && <Icon name={props.icon} />}
      {props.children}
    </button>
  );
}

export const Divider = () => <div className={s.divider} role="presentation" />;

/** A modal dialog, open while it is mounted. */
export function Dialog(props: { title: string; onClose: () => void; children: ReactNode }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className={s.dialog}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
      onClick={(event) => {
        if (event.target === dialog.current) props.onClose();
      }}
    >
      <div className={s.dialogHead}>
        <h2 id={id}>{props.title}</h2>
        <IconButton icon="close" label="Close" onClick={props.onClose} />
      </div>
      <div className={s.dialogBody}>{props.children}</div>
    </dialog>
  );
}

/** Copy a text; the icon says that it worked, and so does the live region. */
export function Copy({ value, label, small = true }: { value: string; label: string; small?: boolean }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 1_600);
    return () => clearTimeout(timer);
  }, [done]);
  return (
    <Button
      look="quiet"
      square
      small={small}
      aria-label={done ? "Copied" : label}
      title={done ? "Copied" : label}
      onClick={() => void navigator.clipboard.writeText(value).then(() => setDone(true))}
    >
      <Icon name={done ? "check" : "copy"} size={14} />
    </Button>
  );
}

export function Snippet({ text, label }: { text: string; label: string }) {
  return (
    <div className={s.snippet}>
      <pre tabIndex={0} role="group" aria-label={label}>
        {text}
      </pre>
      <Copy value={text} label={`Copy: ${label}`} />
    </div>
  );
}

export const Key = ({ children }: { children: ReactNode }) => <kbd className={s.kbd}>{children}</kbd>;

export function Notice(props: { title: string; text: string; onRetry?: () => void }) {
  return (
    <div className={s.notice} role="alert">
      <Icon name="alert" />
      <div>
        <h3>{props.title}</h3>
        <p>{props.text}</p>
      </div>
      {props.onRetry && (
        <Button small onClick={props.onRetry} style={{ marginLeft: "auto" }}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** What stands where a figure will be. */
export const Bone = (props: { width: CSSProperties["width"]; height?: number }) => (
  <span className={s.bone} aria-hidden="true" style={{ width: props.width, height: props.height ?? 12 }} />
);

export const inputClass = s.input;
export const itemClass = s.item;
