import { compare, ratio } from './decimal'

/** A line that usage runs towards. */
export interface Line {
  readonly id: string
  readonly title: string
  /** Where it is, as a decimal string. */
  readonly at: string
  readonly kind: 'alert' | 'threshold'
  readonly projectedAt: number | null
  readonly firedAt: number | null
}

/** How a line lies to the usage: passed, close, or ahead. */
export type Standing = 'crossed' | 'near' | 'ahead'

const NEAR = 0.8

export function standing(total: string, line: Pick<Line, 'at'>): Standing {
  if (compare(total, line.at) >= 0) return 'crossed'
  return ratio(total, line.at) >= NEAR ? 'near' : 'ahead'
}

/** The first line ahead of the usage; null when all are behind it. */
export function nextLine(total: string, lines: readonly Line[]): Line | null {
  const ahead = lines.filter((line) => compare(line.at, total) > 0)
  return ahead.sort((a, b) => compare(a.at, b.at))[0] ?? null
}

/**
 * The decimal at the right end of the bar: a little beyond the farthest thing worth seeing. Lines
 * far beyond the next one would press all else against the left edge, so they stand at the edge.
 */
export function wayEnd(total: string, lines: readonly Line[]): string {
  const next = nextLine(total, lines)
  const points = lines.map((line) => line.at)
  const reach = next === null ? total : next.at
  const shown = points.filter((at) => compare(at, reach) <= 0 || ratio(at, reach) <= FAR)
  return [total, ...shown].reduce((a, b) => (compare(a, b) >= 0 ? a : b), '0')
}

const FAR = 4
const MARGIN = 0.92

/** The place of a value on a bar that ends at `end`, from 0 to 1. */
export function place(value: string, end: string): number {
  return Math.min(1, Math.max(0, ratio(value, end) * MARGIN))
}
