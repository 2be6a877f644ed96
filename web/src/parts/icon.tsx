/** The icons: 16 × 16, one stroke width, always beside or instead of a label that says the same. */
const PATHS = {
  overview: "M2.5 13.500v-5m4 5v-11m4 11v-7m3.500 7v-4",
  executions: "M2.500 4h11M2.500 8h11M2.500 12h7",
  health: "M1.500 8h3l2-4.500 3 9 2-4.500h3",
  import: "M8 2v7.500m-3-3 3 3 3-3M2.500 10.500v3h11v-3",
  export: "M8 9.500V2m-3 3 3-3 3 3M2.500 10.500v3h11v-3",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10Zm3.600-1.400L14 14",
  filter: "M2 4h12M4.500 8h7M6.500 12h3",
  close: "m4 4 8 8m0-8-8 8",
  check: "m3 8.500 3.200 3L13 4.500",
  cross: "m4.500 4.500 7 7m0-7-7 7",
  clock: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12Zm0-9v3.200l2 1.300",
  copy: "M5.500 5.500v-3h8v8h-3m-8-5h8v8h-8z",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6Zm0-9.500v1m0 11v1M1.500 8h1m11 0h1M3.400 3.400l.7.7m7.800 7.800.7.7m0-9.200-.7.7m-7.800 7.800-.7.7",
  moon: "M13.500 9.600A5.800 5.800 0 0 1 6.400 2.500a5.800 5.800 0 1 0 7.100 7.100Z",
  key: "M10 9a3.500 3.500 0 1 0-3.300-2.300L2 11.400V14h2.600v-1.600h1.600v-1.600h1.100l1-1A3.500 3.500 0 0 0 10 9Zm.8-4.200h0",
  help: "M6 6a2 2 0 1 1 2.900 1.800c-.6.300-.9.700-.9 1.400m0 2.300v0M8 14.500a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13Z",
  leave: "M6 2.500H3v11h3m3.500-2.800L12.500 8 9.500 5.200M12.200 8H6",
  updown: "m5 6 3-3 3 3M5 10l3 3 3-3",
  down: "m4 6 4 4 4-4",
  left: "m10 4-4 4 4 4",
  right: "m6 4 4 4-4 4",
  rows: "M2.500 3.500h11v3.500h-11zm0 5.500h11v3.500h-11z",
  dense: "M2.500 3h11M2.500 6.300h11M2.500 9.700h11M2.500 13h11",
  up: "M8 13V3m-4 4 4-4 4 4",
  alert:
    "M8 5.500v3m0 2.300v0M7.100 2.500 1.800 11.800c-.4.700.1 1.700.9 1.700h10.600c.8 0 1.300-1 .9-1.700L8.900 2.500c-.4-.700-1.400-.7-1.800 0Z",
  link: "M6.500 9.500 9.800 6.200M7 4.500l1.600-1.600a3 3 0 0 1 4.300 4.300L11.300 8.800m-2.300 2.700-1.600 1.600a3 3 0 0 1-4.300-4.300L4.700 7.200",
  plus: "M8 3v10M3 8h10",
  chains: "M6 4.500a2 2 0 1 1-4 0 2 2 0 0 1 4 0Zm8 7a2 2 0 1 1-4 0 2 2 0 0 1 4 0ZM4 6.500v3a2 2 0 0 0 2 2h4",
  runs: "M2 4.500h5M7 8h5M4.500 11.500h9.500",
  prompt: "M2.500 3h11v7.500h-6l-3 2.500v-2.500h-2z",
  branch: "M4 2v12M4 9c0-3 8-1 8-5m0 0-2 2m2-2 2 2",
  transform: "M2.500 5h9m0 0L9 2.500M11.500 5 9 7.500M13.500 11h-9m0 0L7 8.500M4.500 11 7 13.500",
  merge: "M3 3v2c0 3 5 2 5 5v3m5-10v2c0 3-5 2-5 5",
  globe: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM2 8h12M8 2c4 4 4 8 0 12M8 2C4 6 4 10 8 14",
  memory: "M3 4c0-2 10-2 10 0v8c0 2-10 2-10 0zm0 0c0 2 10 2 10 0M3 8c0 2 10 2 10 0",
  fork: "M4 2v3.500a3 3 0 0 0 3 3h2a3 3 0 0 0 3-3V2M8 8.500V14",
  play: "M5 3v10l8-5z",
  services: "M2.500 2.500h11v4.500h-11zm0 6.500h11v4.500h-11zM5 4.750h0M5 11.250h0",
  waves: "M1.500 5.500c2-3 4-3 6.500 0s4.500 3 6.500 0M1.500 11c2-3 4-3 6.500 0s4.500 3 6.500 0",
  plug: "M5.500 2v3.500m5-3.500v3.500M3.500 5.500h9v2a4.500 4.500 0 0 1-9 0zM8 12v2.500",
  stop: "M4 4h8v8H4z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.5}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The mark: an anvil. */
export function Mark({ size = 20 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path
        d="M2.500 4.500H17.500V7.600C13.900 8 12.300 9.500 12 11.800H14.700L16.200 16H5.400L6.700 11.800H8.800C8.500 9.700 6.400 8.300 2.500 7.900Z"
        fill="var(--ember)"
      />
    </svg>
  );
}
