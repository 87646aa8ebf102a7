import type { ReactNode } from 'react'
import { formatDistance } from '@/lib/dates'
import { ratio } from '@/lib/decimal'
import { formatQuantity, formatShare } from '@/lib/quantity'
import { nextLine, place, standing, wayEnd, type Line } from '@/lib/way'
import { useSpeech } from '@/words/language'

interface WayProps {
  /** Where the usage is: a decimal string. */
  readonly total: string
  readonly lines: readonly Line[]
  /** Says what the numbers are of, to those who do not see the bar. */
  readonly label: string
  /** Written beneath the lines, in short; a bar in a table does without. */
  readonly mark?: ((at: string) => ReactNode) | undefined
  readonly format?: (value: string) => string
}

/** How close two marks may stand, as a share of the bar. */
const CLEARANCE = 0.085

/**
 * Usage running towards every line drawn in: what is used is solid, what the pace of the last days
 * will add before the next line is hatched.
 */
export function Way({ total, lines, label, mark, format }: WayProps) {
  const { t, locale } = useSpeech()
  const end = wayEnd(total, lines)
  const next = nextLine(total, lines)
  const at = place(total, end)
  const isProjected = next !== null && next.projectedAt !== null
  const write = format ?? ((value: string) => formatQuantity(value, locale))
  return (
    <div className="way" role="img" aria-label={sentence()}>
      <div className="way-track">
        {isProjected && (
          <span
            className="way-projected"
            style={{ left: percent(at), width: percent(place(next.at, end) - at) }}
          />
        )}
        <span className="way-used" style={{ width: percent(at) }} />
        {lines.map((line) => (
          <span
            key={line.id}
            className={`way-line ${standing(total, line)}`}
            style={{ left: percent(place(line.at, end)) }}
            title={`${line.title}: ${write(line.at)}`}
          />
        ))}
      </div>
      {mark && (
        <div className="way-marks" aria-hidden="true">
          {spaced(lines, end).map((line) => (
            <span key={line.id} style={{ left: percent(place(line.at, end)) }}>
              {mark(line.at)}
            </span>
          ))}
        </div>
      )}
    </div>
  )

  function sentence(): string {
    const of = next
      ? t('{total} of {line}', { total: write(total), line: write(next.at) })
      : write(total)
    const then =
      isProjected && next.projectedAt !== null
        ? `, ${t('projected to cross {when}', { when: formatDistance(next.projectedAt, locale) })}`
        : ''
    return `${label}: ${of}${then}`
  }
}

/** Those of the lines whose marks fit beside each other, the first ones first. */
function spaced(lines: readonly Line[], end: string): Line[] {
  let last = -1
  return [...lines]
    .sort((a, b) => place(a.at, end) - place(b.at, end))
    .filter((line) => {
      const at = place(line.at, end)
      if (at - last < CLEARANCE) return false
      last = at
      return true
    })
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)}%`
}

/** How far it is: the share of the line that is used, and when it will be crossed. */
export function Distance({ total, line }: { total: string; line: Line }) {
  const { t, locale } = useSpeech()
  if (line.firedAt !== null) {
    return (
      <span className="crossed">
        {t('crossed {when}', { when: formatDistance(line.firedAt, locale) })}
      </span>
    )
  }
  return (
    <span className={`distance ${standing(total, line)}`}>
      <b>{formatShare(ratio(total, line.at), locale)}</b>
      {line.projectedAt !== null && <span> · {formatDistance(line.projectedAt, locale)}</span>}
    </span>
  )
}
