const MOST_PLACES = 15

function format(value: string, locale: string, options: Intl.NumberFormatOptions): string {
  return new Intl.NumberFormat(locale, options).format(value as Intl.StringNumericLiteral)
}

/** A decimal string with all of its digits, grouped as the language does. */
export function formatQuantity(value: string | number | bigint, locale: string): string {
  return format(String(value), locale, { maximumFractionDigits: MOST_PLACES })
}

/** A decimal string in short: `1.2M`. For axes and flags, beside the exact one. */
export function formatCompact(value: string | number, locale: string): string {
  return format(String(value), locale, {
    notation: 'compact',
    maximumFractionDigits: 1,
    useGrouping: 'always',
  })
}

/** A share as a percentage; below a thousand percent with at most one place. */
export function formatShare(share: number, locale: string): string {
  return new Intl.NumberFormat(locale, {
    style: 'percent',
    maximumFractionDigits: share < 0.1 ? 1 : 0,
  }).format(share)
}
