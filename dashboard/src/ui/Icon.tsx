/** Drawn on a grid of 16, in lines of 1.5. */
const SHAPES = {
  overview: 'M2 13h12M3.5 10.5l3-3.5 2.5 2 4-5',
  meters: 'M2.5 11.5a5.5 5.5 0 1 1 11 0M8 11.5l2.5-4',
  alerts: 'M10.5 2v12M2 8h5.5M12.5 4.5L14 3M12.5 8H14M12.5 11.5L14 13',
  customers: 'M8 8a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM3 13.5c.5-2.5 2.4-3.5 5-3.5s4.5 1 5 3.5',
  subscriptions:
    'M13 6.5A5.3 5.3 0 0 0 3.5 5M3 9.5A5.3 5.3 0 0 0 12.5 11M3.3 2.3V5H6M12.7 13.7V11H10',
  invoices: 'M4 2h8v12l-2-1.3-2 1.3-2-1.3L4 14zM6.5 5.5h3M6.5 8.5h3',
  webhooks: 'M2 8h9M8 4.5L11.5 8 8 11.5M14 3v10',
  events: 'M9 2L4 9h4l-1 5 5-7H8z',
  logs: 'M2.5 4h11M2.5 8h11M2.5 12h7',
  settings:
    'M2 5h6M12 5h2M2 11h2M8 11h6M10 7a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM6 13a2 2 0 1 0 0-4 2 2 0 0 0 0 4z',
  plus: 'M8 3v10M3 8h10',
  copy: 'M6 6h7.5v7.5H6zM10 3.5V2.5H2.5V10h1',
  check: 'M3 8.5l3.5 3.5L13 4.5',
  close: 'M4 4l8 8M12 4l-8 8',
  more: 'M3.5 8h.01M8 8h.01M12.5 8h.01',
  down: 'M4 6l4 4 4-4',
  right: 'M6 4l4 4-4 4',
  left: 'M10 4L6 8l4 4',
  out: 'M6.5 3H3v10h10V9.5M9.5 2.5h4v4M13 3L7.5 8.5',
  sun: 'M8 10.7a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.4zM8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.900M11.7 11.7l.9.900M3.4 12.6l.9-.9M11.7 4.3l.9-.9',
  moon: 'M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z',
  screen: 'M2 3h12v8H2zM6 13.5h4',
  menu: 'M2 4.5h12M2 8h12M2 11.5h12',
  search: 'M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.5 10.5L14 14',
  warning: 'M8 2.5L14 13H2zM8 6.5v3M8 11.3v.01',
  key: 'M6 10.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM8.5 8H14v2.5M11.5 8v2',
  retry: 'M13 8a5 5 0 1 1-1.5-3.6M13 2.5V5h-2.5',
} as const

export type IconName = keyof typeof SHAPES

/** A small drawing beside words; it says nothing by itself. */
export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true">
      <path d={SHAPES[name]} />
    </svg>
  )
}
