import {
  useEffect,
  useMemo,
  useRef,
  useState,
  type PointerEvent,
  type ReactNode,
  type RefObject,
} from 'react'
import { DAY } from '@/lib/dates'
import { formatCompact, formatQuantity } from '@/lib/quantity'
import { offsetAt, timeTicks, valueTicks } from '@/lib/scale'
import { useSpeech } from '@/words/language'

interface ChartProps {
  /** Beginnings of equal spans, in Unix seconds, the earliest first. */
  readonly times: readonly number[]
  readonly values: readonly number[]
  /** The same as `values`, digit by digit: what is written beside the pointer. */
  readonly exact?: readonly string[]
  readonly label: string
  readonly height?: number
}

const LEFT = 48
const TOP = 12
const BOTTOM = 22
const TICK_ROOM = 84
/** How close to the right edge a moment may be written, in pixels. */
const EDGE = 24

/**
 * Bars over time. It is a picture, so a page that shows one gives its numbers as a table, too. Days
 * are those of UTC, as the API has them.
 */
export function Chart({ times, values, exact, label, height = 220 }: ChartProps) {
  const { locale } = useSpeech()
  const box = useRef<HTMLDivElement>(null)
  const width = useWidth(box)
  const [at, setAt] = useState<number | null>(null)
  const span = (times[1] ?? 0) - (times[0] ?? 0)
  const plot = useMemo(() => plotted(values, width, height), [values, width, height])
  const isDays = span >= DAY

  const point = ({ clientX, currentTarget }: PointerEvent<SVGSVGElement>): void => {
    const x = clientX - currentTarget.getBoundingClientRect().left - LEFT
    const index = Math.floor(x / plot.step)
    setAt(index >= 0 && index < values.length ? index : null)
  }
  const start = times[0] ?? 0
  const end = start + span * times.length
  const room = Math.max(2, (width - LEFT) / TICK_ROOM)
  const ticks = timeTicks(start, end, room, isDays ? 0 : offsetAt(start)).filter(
    (tick) => (end - tick) / (span || 1) > EDGE / plot.step,
  )
  return (
    <div ref={box} className="chart" style={{ height }}>
      <svg
        width={width}
        height={height}
        role="img"
        aria-label={label}
        onPointerMove={point}
        onPointerLeave={() => setAt(null)}
      >
        {plot.ticks.map(({ value, y }) => (
          <g key={value}>
            <line className="chart-grid" x1={LEFT} x2={width} y1={y} y2={y} />
            <text x={LEFT - 8} y={y + 3.5} textAnchor="end">
              {formatCompact(value, locale)}
            </text>
          </g>
        ))}
        {ticks.map((tick) => (
          <text
            key={tick}
            x={LEFT + ((tick - start) / (span || 1) + (isDays ? 0.5 : 0)) * plot.step}
            y={height - 4}
            textAnchor="middle"
          >
            {moment(
              tick,
              locale,
              isDays || (ticks[1] ?? 0) - (ticks[0] ?? 0) >= DAY,
              isDays,
              false,
            )}
          </text>
        ))}
        <path className="chart-bars" d={plot.path} />
        {at !== null && <path className="chart-bar" d={plot.bar(at)} />}
      </svg>
      {at !== null && (
        <Note left={LEFT + (at + 0.5) * plot.step} width={width}>
          {moment(times[at] ?? 0, locale, true, isDays, !isDays)}
          {'\u2002'}
          <b>{formatQuantity(exact?.[at] ?? values[at] ?? 0, locale)}</b>
        </Note>
      )}
    </div>
  )
}

function Note({ left, width, children }: { left: number; width: number; children: ReactNode }) {
  const translate = left > width / 2 ? '-100%' : '0'
  return (
    <div className="chart-note" style={{ left, translate }}>
      {children}
    </div>
  )
}

/** The geometry: one path for all bars, as there may be thousands. */
function plotted(values: readonly number[], width: number, height: number) {
  const ticks = valueTicks(values.reduce((most, value) => Math.max(most, value), 0))
  const top = ticks.at(-1) ?? 1
  const floor = height - BOTTOM
  const y = (value: number): number => floor - (Math.max(0, value) / top) * (floor - TOP)
  const step = Math.max(0, width - LEFT) / Math.max(values.length, 1)
  const thick = Math.max(1, step * 0.78)
  const bar = (at: number): string => {
    const x = (LEFT + at * step + (step - thick) / 2).toFixed(2)
    return `M${x} ${floor}V${y(values[at] ?? 0).toFixed(2)}h${thick.toFixed(2)}V${floor}z`
  }
  return {
    step,
    bar,
    ticks: ticks.map((value) => ({ value, y: Math.round(y(value)) + 0.5 })),
    path: values.map((_, at) => bar(at)).join(''),
  }
}

function moment(
  at: number,
  locale: string,
  hasDay: boolean,
  isUtc: boolean,
  hasClock: boolean,
): string {
  return new Intl.DateTimeFormat(locale, {
    ...(hasDay && { day: 'numeric', month: 'short' }),
    ...((hasClock || !hasDay) && { hour: '2-digit', minute: '2-digit' }),
    ...(isUtc && { timeZone: 'UTC' }),
  }).format(at * 1000)
}

/** How wide an element is, now and later. */
function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(600)
  useEffect(() => {
    if (!element.current) return undefined
    const observer = new ResizeObserver(([entry]) =>
      setWidth(Math.floor(entry?.contentRect.width ?? 600)),
    )
    observer.observe(element.current)
    return () => observer.disconnect()
  }, [element])
  return width
}
