// 16-pixel line icons, drawn here: seven paths need no icon set.

const PATHS = {
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10Zm3.6-1.4L14 14',
  refresh: 'M13.5 3v3.5H10M13.2 6.5A5.6 5.6 0 1 0 13.6 9',
  sun: 'M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3 3l1.2 1.2M11.8 11.8 13 13M13 3l-1.2 1.2M4.2 11.8 3 13',
  moon: 'M13.5 9.6A6 6 0 0 1 6.4 2.5a6 6 0 1 0 7.1 7.1Z',
  system: 'M2 3h12v8H2zM6 14h4M8 11v3',
  help: 'M8 14.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM6.2 6.2a1.8 1.8 0 1 1 2.6 1.6c-.5.3-.8.7-.8 1.3M8 11.6v.1',
  share: 'M8 10V2M5 4.8 8 2l3 2.8M3 8v5.5h10V8',
  swap: 'M3 5.5h9.5L10 3M13 10.5H3.5L6 13',
  close: 'M4 4l8 8M12 4l-8 8',
  chevron: 'M4.5 6.5 8 10l3.5-3.5',
  up: 'M4 10l4-4 4 4',
  down: 'M4 6l4 4 4-4',
  flip: 'M8 2v12M5 5l3-3 3 3M5 11l3 3 3-3',
  flame: 'M2 3.5h12M2 8h8M2 12.5h4',
  fold: 'M3 3h10M5 6.5h6M5 9.5h6M3 13h10M8 6.5v3',
  filter: 'M2.5 3.5h11M4.5 8h7M6.5 12.5h3',
  download: 'M8 2v8M5 7.2 8 10l3-2.8M3 13.5h10',
  sandwich: 'M2.5 4h11M5 8h6M2.5 12h11',
  clock: 'M8 14.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM8 4.5V8l2.4 1.6',
  arrow: 'M3 8h9.5M9 4.5 12.5 8 9 11.5',
  reset: 'M3 3v3.5h3.5M3.2 6.5A5.4 5.4 0 1 1 2.8 9.4',
  warning: 'M8 2.2 14.4 13.5H1.6ZM8 6.5v3.2M8 11.6v.1',
} as const

export type IconName = keyof typeof PATHS

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  )
}
